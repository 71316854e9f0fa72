"""Files that a person has already, recognised by their content wherever they lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .repositories import PinnedFile


@dataclass
class Recognised:
    """What of a set's files a folder holds.

    Args:
        found: Where the content of each file lies, by `PinnedFile.key`.
        other: Files with the name of one that was not found, but another content, by its key.
    """

    found: dict[str, Path] = field(default_factory=dict)
    other: dict[str, Path] = field(default_factory=dict)


def recognise(pins: Sequence[PinnedFile], *folders: Path) -> Recognised:
    """Look through folders for the content of some files; names and places do not matter.

    Args:
        pins: The files.
        folders: Where to look, the first before the others; a folder need not exist.
    """
    by_size: dict[int, dict[str, list[str]]] = {}
    for pin in pins:
        by_size.setdefault(pin.size, {}).setdefault(pin.sha256, []).append(pin.key)
    by_tail = {_tail(pin.path): pin.key for pin in pins}
    made = Recognised()
    for path, size in _files(folders):
        named = by_tail.get(_tail(path.as_posix()))
        keys = by_size[size].get(sha256(path), []) if size in by_size else []
        for key in keys:
            made.found.setdefault(key, path)
        if not keys and named is not None:
            made.other.setdefault(named, path)
    made.other = {key: path for key, path in made.other.items() if key not in made.found}
    return made


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _tail(path: str) -> tuple[str, ...]:
    """Return folder and name: names alone occur several times."""
    return tuple(path.split("/")[-2:])


def _files(folders: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    """Yield regular files with their size, in an order that does not depend on the disk; none of hidden folders."""
    for folder in folders:
        for place, below, names in os.walk(folder):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                path = Path(place, name)
                try:
                    if not name.startswith(".") and path.is_file():  # a named pipe would wait for ever
                        yield path, path.stat().st_size
                except OSError:
                    continue
