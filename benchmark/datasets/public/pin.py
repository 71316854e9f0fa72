"""Make the table of a set's files from clones of its repositories.

`python -m medshift.benchmark.datasets.public.pin blood-cells CLONE ...` writes `pinned/blood-cells.tsv`, byte for byte
the same from any clones: whoever doubts a table makes it again. A clone is a git folder, with or without a work tree,
named in the order of the set's repositories.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ....shifts.errors import MedshiftError
from .catalogue import find
from .definition import load_function
from .repositories import PinnedFile, Repository, table_path, write_pins


def make_table(name: str, clones: Sequence[Path]) -> str:
    """Return the table of the files that a set selects from its repositories.

    Args:
        name: Name of the set.
        clones: One git folder per repository, in order.

    Raises:
        MedshiftError: A clone is missing, or lacks the commit.
    """
    definition = find(name)
    if len(clones) != len(definition.repositories):
        wanted = ", ".join(one.name for one in definition.repositories)
        raise MedshiftError(f"{name} needs one clone each of {wanted}")
    places: dict[str, tuple[Path, Repository, str]] = {}
    contents: dict[str, str] = {}
    for repository, clone in zip(definition.repositories, clones, strict=True):
        for blob, path in _listing(clone, repository.commit):
            key = f"{repository.folder}/{path}"
            contents[key], places[key] = blob, (clone, repository, path)
    select = load_function(f"{definition.reader.partition(':')[0]}:select")
    pins = []
    for key in select(contents):
        clone, repository, path = places[key]
        body = _git(clone, "cat-file", "blob", contents[key])
        pins.append(PinnedFile(repository, path, len(body), hashlib.sha256(body).hexdigest()))
    return write_pins(pins)


def _listing(clone: Path, commit: str) -> Iterator[tuple[str, str]]:
    """Yield blob and path of each file of a commit."""
    for line in _git(clone, "ls-tree", "-r", "-z", commit).decode().split("\0"):
        about, _, path = line.partition("\t")
        if path and about.startswith("100"):  # a file; no link, no submodule
            yield about.split()[2], path


def _git(clone: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(clone), *words], capture_output=True, check=False)
    if done.returncode:
        raise MedshiftError(f"{clone}: git {' '.join(words)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def main() -> None:
    """Write the table of the set named on the command line."""
    name, *clones = sys.argv[1:]
    text = make_table(name, [Path(clone) for clone in clones])
    path = Path(str(table_path(name)))
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{path}: {text.count(chr(9)) // 2:,} files")


if __name__ == "__main__":
    main()
