"""Locks between processes: files that the operating system frees when the process that holds them ends."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...shifts.errors import MedshiftError

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)  # as on some network file systems


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock file and remove it afterwards; one that a killed process left does not block.

    A file system without locks is used without.

    Args:
        path: The file, in an existing folder.
        busy: Message if another process holds it.

    Raises:
        MedshiftError: Another process holds it.
        OSError: The file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
        while not path.exists():  # its last holder removed it between our opening and locking it
            lock.release()
            lock.acquire(timeout=0)
    except Timeout:
        raise MedshiftError(busy) from None
    except NotImplementedError:  # filelock's for ENOSYS
        pass
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # before the release, so that nobody's but ours is removed
                path.unlink()
        lock.release()
