"""Locks between processes: files that the operating system frees when the process that holds them ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ...shifts.errors import MedshiftError

HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
POLL = 0.2  # seconds between looks at a lock that another process holds
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


@contextmanager
def locked_in_turn(path: Path) -> Iterator[None]:
    """Hold a lock file as `locked` does, after waiting for whoever holds it.

    Args:
        path: The file, in an existing folder.

    Raises:
        OSError: The file cannot be written.
    """
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(locked(path, "held"))
            except MedshiftError:
                time.sleep(POLL)
            else:
                break
        yield


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
