"""Problems with a user's input, collected and reported at once."""

from __future__ import annotations

from pathlib import Path

from ....shifts.errors import MedshiftError

SHOWN = 200  # problems printed in full


class UnsupportedFile(Exception):
    """A file that is intact but not supported; the text says why."""


class Problems:
    """The problems of one manifest or folder.

    Args:
        what: The manifest or folder.
    """

    def __init__(self, what: Path) -> None:
        self.what = what
        self._found: list[tuple[int, str]] = []
        self._known: set[tuple[int, str]] = set()

    def __len__(self) -> int:
        """Number of problems."""
        return len(self._found)

    def add(self, text: str, line: int = 0) -> None:
        """Add a problem, with the line of the manifest or 0; repeated ones are kept once."""
        if (line, text) not in self._known:
            self._known.add((line, text))
            self._found.append((line, text))

    def stop(self) -> None:
        """Raise MedshiftError with all problems, by line, if there are any."""
        if not self._found:
            return
        listed = [f"line {line}: {text}" if line else text for line, text in sorted(self._found, key=lambda p: p[0])]
        more = f"\n  ... and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        raise MedshiftError(
            f"{self.what}: {len(listed)} problem{'s'[: len(listed) > 1]}:\n  " + "\n  ".join(listed[:SHOWN]) + more
        )


def undecodable(path: Path, error: Exception) -> str:
    """Describe what is wrong with a file, from the error that its decoder raised."""
    if isinstance(error, UnsupportedFile):
        return str(error)
    if not path.exists():
        return "no such file"
    if path.stat().st_size == 0:
        return "an empty file"
    lines = str(error).strip().splitlines()
    return f"cannot be decoded ({lines[0] if lines else type(error).__name__})"
