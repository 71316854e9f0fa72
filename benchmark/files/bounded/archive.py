"""Archives, unpacked in the child by a guard of this project's own: Python's differs from version to version."""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from ....shifts.errors import MedshiftError
from ..disk import free_space
from ..text import fault, unportable, visible
from .child import call
from .limits import MIB, Limits

MOST_FILES = 5_000_000
# bytes of the files of an archive: images hardly shrink, tables to a tenth
FACTOR, BASE = 30, 4 << 30
MEMORY = 512 * MIB  # archives of the kind xz may ask for as much as they like
CHUNK = 1 << 20
Member = tuple[str, bool, IO[bytes] | None]  # name, whether it is a folder, and its content


def unpack_archive(path: Path, folder: Path) -> None:
    """Unpack an archive, zip or tar, into a folder; files that are there are replaced.

    Raises:
        MedshiftError: It is damaged, or holds a link, a device, a path that leads out of the folder, a name that some
            file system cannot hold, or more than an archive of its size can honestly hold; or the disk is full.
    """
    size = path.stat().st_size
    free = free_space(folder)
    most = BASE + FACTOR * size if free is None else min(BASE + FACTOR * size, free)
    bounds = Limits(memory=MEMORY, seconds=600 + size / MIB, output=MIB, written=most)
    call(unpack, (str(path), str(folder), most), bounds)


def unpack(asked: tuple[str, str, int]) -> int:
    """Unpack an archive and return the number of its files; runs in the child."""
    path, folder, most = Path(asked[0]), Path(asked[1]), asked[2]
    root, count, total = os.path.realpath(folder), 0, 0
    for name, is_folder, content in _members(path):
        count += 1
        if count > MOST_FILES:
            raise MedshiftError(f"it holds more than {MOST_FILES:,} files")
        target = _target(root, name)
        if is_folder or content is None:
            os.makedirs(target, exist_ok=True)  # noqa: PTH103
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        total = _copy(content, target, total, most)
    return count


def _target(root: str, name: str) -> str:
    """Return where a member goes.

    Raises:
        MedshiftError: It would leave the folder, or cannot be held by every file system.
    """
    shown = visible(name, 200)
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or (len(name) > 1 and name[1] == ":"):
        raise MedshiftError(f"its member {shown!r} leads out of the folder")
    for part in parts:
        why = fault(part, 255) or unportable(part)
        if why:
            raise MedshiftError(f"the name of its member {shown!r} {why}")
    target = os.path.join(root, *parts)  # noqa: PTH118
    # links that were there before, too: nothing is written through one
    real = os.path.realpath(os.path.dirname(target) if parts else target)  # noqa: PTH120
    if real != root and not real.startswith(root.rstrip(os.sep) + os.sep):
        raise MedshiftError(f"its member {shown!r} leads out of the folder")
    return target


def _copy(content: IO[bytes], target: str, total: int, most: int) -> int:
    """Write a file that is not there before, not even as a link; return the bytes written so far."""
    if os.path.lexists(target) and not (os.path.isdir(target) and not os.path.islink(target)):  # noqa: PTH112, PTH114
        os.unlink(target)  # noqa: PTH108
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(target, flags, 0o644), "wb") as file:
        while piece := content.read(CHUNK):
            total += len(piece)
            if total > most:
                raise MedshiftError("it unpacks to more than its size allows, or than the disk has room for")
            file.write(piece)
    return total


def _members(path: Path) -> Iterator[Member]:
    return _of_zip(path) if zipfile.is_zipfile(path) else _of_tar(path)


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise MedshiftError(f"its member {visible(member.filename, 200)!r} is a link or device")
            if member.is_dir():
                yield member.filename, True, None
                continue
            with archive.open(member) as content:
                yield member.filename, False, content


def _of_tar(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            if not (member.isreg() or member.isdir()):
                raise MedshiftError(f"its member {visible(member.name, 200)!r} is a link or device")
            content = archive.extractfile(member) if member.isreg() else None
            yield member.name, member.isdir(), content
