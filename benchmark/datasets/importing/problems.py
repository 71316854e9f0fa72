"""Problems with a user's input, collected and reported at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from ....shifts.errors import MedshiftError
from ...files.bounded.child import ReadingError
from ...files.text import LONGEST_NAME, fault, visible
from ...files.wording import one_line, plural

SHOWN = 200  # lines printed in full
LONGEST_PROBLEM = 1000  # characters
ALIKE = 3  # problems of one kind that are listed one by one
NUMBER = re.compile(r"\d[\d,.]*")


class UnsupportedFile(Exception):
    """A file that is intact but not supported; the text says why."""


class Problems:
    """The problems of one manifest or folder; many of one kind are told in one line.

    Args:
        what: The manifest or folder.
    """

    def __init__(self, what: Path) -> None:
        self.what = what
        self._found: dict[tuple[int, str], str] = {}  # to their kinds
        self._files: Iterable[str] = ()

    def __len__(self) -> int:
        """Number of problems."""
        return len(self._found)

    def about(self, files: Iterable[str]) -> None:
        """Name the files: problems that begin with `FILE: ` are of one kind if the rest is alike up to numbers."""
        self._files = files

    def add(self, text: str, line: int = 0, kind: str = "") -> None:
        """Add a problem; repeated ones are kept once.

        Args:
            text: One line.
            line: Line of the manifest, or 0.
            kind: What problems that are told together share; by default found in the text.
        """
        self._found.setdefault((line, text), kind)

    def check_names(self, what: str, values: Iterable[str], lines: Iterable[int]) -> None:
        """Add the names of domains or classes that hold what is not seen, or are too long for one."""
        for value, line in dict(zip(values, lines, strict=True)).items():
            if why := fault(value, LONGEST_NAME):
                self.add(f"{what} {visible(value, 80)!r} {why}", line)

    def stop(self) -> None:
        """Raise MedshiftError with all problems, by line, if there are any."""
        if not self._found:
            return
        files = set(self._files)
        kinds: dict[str, list[tuple[int, str]]] = {}
        for line, text in sorted(self._found, key=lambda found: found[0]):
            kinds.setdefault(self._found[line, text] or _kind(text, files), []).append((line, text))
        told: list[tuple[int, str]] = []
        for found in kinds.values():
            if len(found) <= ALIKE:
                told += [(line, f"line {line}: {text}" if line else text) for line, text in found]
            else:
                line, text = found[0]
                what = "files" if any(_about(text, files)) else "lines" if line else "times"
                where = f"line {line}: " if line else ""
                told.append((line, f"{len(found):,} {what}, the first {where}{text}"))
        listed = [text for _, text in sorted(told, key=lambda found: found[0])]
        more = f"\n  ... and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        count = len(self._found)
        lines = "\n  ".join(visible(line, LONGEST_PROBLEM) for line in listed[:SHOWN])
        raise MedshiftError(f"{self.what}: {plural(count, 'problem')}:\n  {lines}{more}")


def _about(text: str, files: Collection[str]) -> tuple[str, str]:
    """Split a problem into the file that it begins with and the rest; both are empty if it begins with none."""
    at = text.find(": ")
    while at >= 0:
        if text[:at] in files:
            return text[:at], text[at:]
        at = text.find(": ", at + 1)
    return "", ""


def _kind(text: str, files: Collection[str]) -> str:
    _, rest = _about(text, files)
    return NUMBER.sub("#", rest) if rest else text


def undecodable(path: Path, error: Exception) -> str:
    """Describe what is wrong with a file, from the error that its decoder raised."""
    if isinstance(error, UnsupportedFile) or (isinstance(error, ReadingError) and error.kind == "UnsupportedFile"):
        return str(error)
    if isinstance(error, ReadingError) and error.exceeds:
        return str(error)
    if not path.exists():
        return "no such file"
    if path.stat().st_size == 0:
        return "an empty file"
    return f"cannot be decoded ({one_line(str(error)) or type(error).__name__})"
