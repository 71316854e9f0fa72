"""Atomic writes: files are written beside their destination and renamed into place."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from ...shifts.errors import MachineError

FULL = 1 << 16  # bytes; a disk with less is full
PART = re.compile(r"\..*\.(?:(?P<node>[0-9a-f]{8})-)?(?P<process>[0-9]+)(?:-(?P<draw>[0-9a-f]{8}))?\.part")
OLD = 24 * 3600.0  # seconds after which what nobody can be asked about is left over
UNUSED = 7 * OLD  # the same of a folder, in which a run of days may lie
LONGEST_STEM = 160  # characters of a file's name in the name beside it
_DRAWN: set[str] = set()  # of the files that this process writes now


@contextmanager
def replace(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`: renamed into place when the block succeeds, removed when it fails.

    Raises:
        MedshiftError: The file cannot be written: the disk is full, or the folder belongs to somebody else, say.
    """
    draw = secrets.token_hex(4)
    temporary = path.with_name(f".{path.name[:LONGEST_STEM]}.{_writer(draw)}.part")
    _DRAWN.add(draw)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except OSError as error:
        if not _of_writing(error, path, temporary):
            raise
        raise MachineError(f"{path} cannot be written: {_reason(error, path.parent)}") from error
    finally:
        _DRAWN.discard(draw)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the disk hold a file before it gets its name: a power cut would leave the name of an empty one."""
    if not path.is_file():
        return
    with suppress(OSError), path.open("rb") as file:  # some file systems cannot; to write has succeeded
        os.fsync(file.fileno())


def _writer(draw: str) -> str:
    """Name the writer of a temporary file: machine, process and chance, as two machines may have one process id."""
    node = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f"{node}-{os.getpid()}-{draw}"


def is_left_over(path: Path) -> bool:
    """Return whether a file is a temporary one of `replace` whose writer is gone."""
    return _is_abandoned(path.name, lambda: _is_old(path))


def _is_abandoned(name: str, is_old: Callable[[], bool]) -> bool:
    """Return whether the writer that a temporary name tells is gone; where it cannot be asked, its age decides."""
    named = PART.fullmatch(name)
    if named is None:
        return False
    process = int(named["process"])
    if named["node"] not in (None, _writer("").partition("-")[0]):
        return is_old()  # on another machine
    if process == os.getpid() and named["draw"] is not None:
        return named["draw"] not in _DRAWN  # of an earlier process of that number, as in a container
    return not _lives(process) or is_old()


def sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes from a folder."""
    with suppress(OSError):
        for path in folder.iterdir():
            if is_left_over(path):
                path.unlink(missing_ok=True)


@contextmanager
def scratch_folder(what: str) -> Iterator[Path]:
    """Yield a temporary folder that is removed afterwards; those of killed processes are swept before.

    Args:
        what: A word for its name.

    Raises:
        OSError: None can be made.
    """
    place = Path(tempfile.gettempdir())
    with suppress(OSError):
        for left in place.glob("medshift-*.part"):
            # others' cannot be removed from a shared folder anyway
            if not left.is_symlink() and _is_abandoned(f".{left.name}", partial(_is_unused, left)):
                shutil.rmtree(left, ignore_errors=True)
    draw = secrets.token_hex(4)
    _DRAWN.add(draw)
    made = place / f"medshift-{what}.{_writer(draw)}.part"
    try:
        made.mkdir(mode=0o700)
        yield made
    finally:
        _DRAWN.discard(draw)
        shutil.rmtree(made, ignore_errors=True)


def _lives(process: int) -> bool:
    """Return whether a process of this machine runs; True where that cannot be asked."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > OLD
    except OSError:
        return False


def _is_unused(folder: Path) -> bool:
    """Return whether nothing in a folder has changed for days, in which a run that lasts long would write something."""
    last = time.time() - UNUSED
    try:
        return all(path.lstat().st_mtime < last for path in (folder, *folder.rglob("*")))
    except OSError:
        return False


def _of_writing(error: OSError, path: Path, temporary: Path) -> bool:
    """Return whether an error is about this file, not about another one that the block reads."""
    if error.filename is None:  # NumPy and Pillow give no number, either
        return error.errno is not None or "writ" in str(error)
    named = Path(os.fsdecode(error.filename))
    return named in (path, temporary) or named in path.parents


def _reason(error: OSError, folder: Path) -> str:
    """Return why a file could not be written; NumPy, for one, only says how many bytes were."""
    if error.errno is None and folder.exists() and shutil.disk_usage(folder).free < FULL:
        return os.strerror(errno.ENOSPC)
    return os.strerror(error.errno) if error.errno is not None else str(error)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replace(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write UTF-8 text piece by piece, atomically."""
    with replace(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)


def sha256(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_with_unix_ends(path: Path) -> str:
    """Return the sha256 that a text file has once each CRLF is LF: medshift writes LF, which git may have changed."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
