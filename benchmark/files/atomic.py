"""Atomic writes: files are written beside their destination and renamed into place."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...shifts.errors import MedshiftError

FULL = 1 << 16  # bytes; a disk with less is full


@contextmanager
def replace(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`: renamed into place when the block succeeds, removed when it fails.

    Raises:
        MedshiftError: The file cannot be written: the disk is full, or the folder belongs to somebody else, say.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if not _of_writing(error, path, temporary):
            raise
        raise MedshiftError(f"{path} cannot be written: {_reason(error, path.parent)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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
