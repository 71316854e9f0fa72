"""Locks between processes: files that the operating system frees when the process that holds them ends."""

from __future__ import annotations

import errno
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ...shifts.errors import MedshiftError

HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)  # as on Lustre and NFS, set up without
PAUSE = 0.2  # seconds between two looks at a lock that another process holds
LONGEST_NAME = 200  # characters of a lock file's content that are shown
_HOLDERS: dict[Path, int] = {}  # locks of this process -> the thread that holds each


@contextmanager
def locked(path: Path, busy: str, wait: Callable[[str], None] | None = None) -> Iterator[bool]:
    """Hold a lock file and remove it afterwards; one that a killed process left does not block.

    A file system that has no locks is used without; the context is then False, otherwise True.

    Args:
        path: The file, in an existing folder.
        busy: Message if another process holds it.
        wait: Called once with who holds the lock (`process 4711 on node-7`), before waiting for it; None does not wait.

    Raises:
        MedshiftError: Another process holds it, and `wait` is None; or the same thread holds it.
        OSError: The file cannot be written.
    """
    if _HOLDERS.get(path) == threading.get_ident():
        raise MedshiftError(busy)  # waiting would never end
    held = _acquire(path, busy) if wait is None else _awaited(path, busy, wait)
    _HOLDERS[path] = threading.get_ident()
    try:
        yield held is not None
    finally:
        _HOLDERS.pop(path, None)
        _release(path, held)


def is_held(path: Path) -> bool:
    """Return whether another process holds a lock file of `locked`; False where that cannot be known."""
    if not path.exists():
        return False
    try:
        return _is_held(path)
    except OSError:
        return False


def _awaited(path: Path, busy: str, wait: Callable[[str], None]) -> Any:  # noqa: ANN401 - as `_acquire`
    """Acquire a lock, after waiting for whoever holds it."""
    holder = ""
    while True:
        try:
            return _acquire(path, busy)
        except _Held:
            if not holder:
                holder = _holder(path)
                wait(holder)
        try:
            time.sleep(PAUSE)
        except KeyboardInterrupt as stop:
            stop.add_note(f"it was waiting for {holder}")
            raise


class _Held(MedshiftError):
    """Another process, or another thread, holds the lock."""


def _holder(path: Path) -> str:
    """Read who holds a lock; on Windows its file cannot be read meanwhile."""
    try:
        return path.read_text(encoding="utf-8")[:LONGEST_NAME] or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"


if sys.platform == "win32":
    from filelock import FileLock, Timeout

    def _acquire(path: Path, busy: str) -> FileLock:
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise _Held(busy) from None
        return lock

    def _release(path: Path, held: FileLock) -> None:
        held.release()

    def _is_held(path: Path) -> bool:
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True

else:
    import fcntl

    def _acquire(path: Path, busy: str) -> int | None:
        """Lock a file and return its descriptor; None where the file system has no locks."""
        while True:
            opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # for whoever shares the folder
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(opened)
                if error.errno in HELD:
                    raise _Held(busy) from None
                if error.errno in NO_LOCKS:
                    return None
                raise
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(opened), path.stat()):
                    with suppress(OSError):  # a full disk: the lock holds without a name
                        os.truncate(opened, 0)
                        os.write(opened, f"process {os.getpid()} on {platform.node()}".encode())
                    return opened
            os.close(opened)  # its last holder removed it between our opening and locking it

    def _release(path: Path, held: int | None) -> None:
        with suppress(OSError):  # before the release, so that nobody's but ours is removed
            path.unlink()
        if held is not None:
            os.close(held)

    def _is_held(path: Path) -> bool:
        """Ask by a shared lock, so that two that only ask do not take each other for a holder."""
        opened = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in HELD
        finally:
            os.close(opened)
        return False
