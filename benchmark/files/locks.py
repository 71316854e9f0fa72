"""Locks between processes: files that the operating system frees when the process that holds them ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...shifts.errors import MedshiftError

HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)  # as on Lustre and NFS, set up without


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock file and remove it afterwards; one that a killed process left does not block.

    A file system that has no locks is used without.

    Args:
        path: The file, in an existing folder.
        busy: Message if another process holds it.

    Raises:
        MedshiftError: Another process holds it.
        OSError: The file cannot be written.
    """
    if sys.platform == "win32":
        from filelock import FileLock, Timeout

        try:
            with FileLock(path, timeout=0):
                yield
        except Timeout:
            raise MedshiftError(busy) from None
        return
    held = _acquire(path, busy)
    try:
        yield
    finally:
        with suppress(OSError):  # before the release, so that nobody's but ours is removed
            path.unlink()
        if held is not None:
            os.close(held)


def _acquire(path: Path, busy: str) -> int | None:
    """Lock a file and return its descriptor; None where the file system has no locks."""
    import fcntl

    while True:
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # for whoever shares the folder
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(opened)
            if error.errno in HELD:
                raise MedshiftError(busy) from None
            if error.errno in NO_LOCKS:
                return None
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(opened), path.stat()):
                return opened
        os.close(opened)  # its last holder removed it between our opening and locking it


def is_held(path: Path) -> bool:
    """Return whether another process holds a lock file of `locked`; False where that cannot be known."""
    if not path.exists():
        return False
    if sys.platform == "win32":
        from filelock import FileLock, Timeout

        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
    import fcntl

    try:
        opened = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:  # shared, so that two that only ask do not take each other for a holder
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in HELD
    finally:
        os.close(opened)
    return False
