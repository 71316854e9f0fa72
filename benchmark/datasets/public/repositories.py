"""Public repositories at one commit, of which each file that is used is known by its size and content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import quote

HOST = "https://raw.githubusercontent.com"  # serves one file of one commit


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub at one commit.

    Args:
        name: `OWNER/NAME`.
        commit: All 40 digits.
        what: What is taken from it.
        terms: Licence and conditions as stated there, and by the authors of the images.
    """

    name: str
    commit: str
    what: str
    terms: str

    @property
    def folder(self) -> str:
        """Its name without the owner, which is the folder of a clone."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class PinnedFile:
    """A file of a repository.

    Args:
        repository: Where it is.
        path: Its path there.
        size: In bytes.
        sha256: Of its content.
    """

    repository: Repository
    path: str
    size: int
    sha256: str

    @property
    def key(self) -> str:
        """Its path below a folder that holds clones."""
        return f"{self.repository.folder}/{self.path}"

    @property
    def url(self) -> str:
        """Address of this version; it never changes."""
        return f"{HOST}/{self.repository.name}/{self.repository.commit}/{quote(self.path)}"


def read_pins(name: str, repositories: tuple[Repository, ...]) -> tuple[PinnedFile, ...]:
    """Read the table of a set's files, `pinned/NAME.tsv`, which `write_pins` made."""
    by_folder = {repository.folder: repository for repository in repositories}
    made, folder = [], ""
    for line in table_path(name).read_text(encoding="utf-8").splitlines():
        if "\t" not in line:
            folder = line
            continue
        file, size, sha256 = line.split("\t")
        clone, _, path = f"{folder}/{file}".partition("/")
        made.append(PinnedFile(by_folder[clone], path, int(size), sha256))
    return tuple(made)


def write_pins(pins: Iterable[PinnedFile]) -> str:
    """Return the table of files: below a line with their folder, name, bytes and SHA-256 of each, between tabs."""
    lines, last = [], ""
    for pin in pins:
        folder, _, file = pin.key.rpartition("/")
        if folder != last:
            lines.append(folder)
        lines.append(f"{file}\t{pin.size}\t{pin.sha256}")
        last = folder
    return "\n".join(lines) + "\n"


def table_path(name: str) -> Traversable:
    """Return where the table of a set's files is."""
    return files(__package__) / "pinned" / f"{name}.tsv"


def describe_terms(repositories: tuple[Repository, ...]) -> str:
    """List repositories with what is taken from them, one per line, and their terms."""
    return "\n".join(f"  {one.name} at {one.commit[:8]}: {one.what}\n    terms: {one.terms}" for one in repositories)
