"""The folder of a site: what a build writes there, and what an earlier one wrote and this one does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from ...benchmark.files.atomic import sha256, write_lines
from ...benchmark.files.schema import Strict, read_own
from ...benchmark.submissions.fields import Sha256
from ...shifts.errors import MedshiftError

LIST_FILE = ".medshift-site.json"
LARGEST_LIST = 4 << 20  # bytes


class WrittenFiles(Strict):
    """The list of what a build wrote.

    Args:
        files: Name in the folder -> sha256.
    """

    schema_: Literal["medshift-site/1"] = Field(default="medshift-site/1", alias="schema")
    files: dict[str, Sha256] = Field(strict=False)


class Output:
    """A folder into which a build writes; what an earlier build wrote and this one did not is removed at the end.

    Args:
        folder: The folder; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: set[str] = set()

    def write(self, name: str, text: str | Iterable[str]) -> None:
        """Write a file, atomically.

        Args:
            name: Its name in the folder.
            text: Its text, or pieces of it.
        """
        write_lines(self.folder / name, [text] if isinstance(text, str) else text)
        self._written.add(name)

    def adopt(self, name: str) -> None:
        """Count a file that somebody else wrote for this build as written by it."""
        self._written.add(name)

    def finish(self) -> None:
        """Remove what is left of an earlier build, and write the list of this one.

        Only files of the earlier list go, and only those that are still as medshift wrote them: whatever else is in the
        folder is the user's.
        """
        left = {}  # what cannot be removed now, as it is open elsewhere: the next build tries again
        for name, was in _listed(self.folder).items():
            try:
                if name not in self._written and not self._is_written(name) and _is_as_it_was(self.folder / name, was):
                    (self.folder / name).unlink()
            except OSError:
                left[name] = was
        now = {name: sha256(self.folder / name) for name in sorted(self._written) if (self.folder / name).is_file()}
        made = WrittenFiles(files={**left, **now})
        write_lines(self.folder / LIST_FILE, [made.model_dump_json(by_alias=True, indent=1), "\n"])

    def _is_written(self, name: str) -> bool:
        """Say whether a name is a written file's in another case: not all disks tell board-A.html from board-a.html."""
        path = self.folder / name
        twins = [each for each in self._written if each.casefold() == name.casefold()]
        return path.exists() and any(path.samefile(self.folder / each) for each in twins)


def _is_as_it_was(path: Path, digest: str) -> bool:
    return not path.is_symlink() and path.is_file() and sha256(path) == digest


def _listed(folder: Path) -> Mapping[str, str]:
    """Return what an earlier build wrote: name -> sha256; empty if the list is missing or damaged."""
    try:
        found = read_own(folder / LIST_FILE, WrittenFiles, LARGEST_LIST, "list of a site's files").files
    except MedshiftError:  # then nothing is known to be medshift's, and nothing is removed
        return {}
    return {name: digest for name, digest in found.items() if name and Path(name).name == name}
