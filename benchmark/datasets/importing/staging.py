"""The folder that a data set is written into before it has its name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ....shifts.errors import MedshiftError
from .. import catalogue, store


def check_free(name: str) -> None:
    """Raise MedshiftError where a name is unfit or taken."""
    where = store.folder(name)
    if name in catalogue.TABLE.names():
        raise MedshiftError(f"data set {name!r} comes with {catalogue.TABLE.origin(name)}: choose another name")
    if where.exists():
        raise MedshiftError(
            f"data set {name!r} is there already: choose another name, or remove it (`medshift data remove {name}`)"
        )


@contextmanager
def staged_folder(name: str) -> Iterator[Path]:
    """Gives a new folder beside the data set's own, which only this process writes; removed unless it was renamed."""
    from filelock import FileLock, Timeout

    root = store.root()
    lock = FileLock(root / f".{name}.lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise MedshiftError(
            f"data set {name!r} is being added by another process: wait, or choose another name"
        ) from None
    except (OSError, NotImplementedError) as error:
        raise MedshiftError(f"{root} cannot be written ({error}): set MEDSHIFT_HOME to another folder") from error
    part = root / f".{name}.part"
    try:
        _sweep(root, name)
        shutil.rmtree(part, ignore_errors=True)
        check_free(name)  # another process may have finished it just now
        try:
            part.mkdir()
        except OSError as error:
            raise MedshiftError(f"{part} cannot be written: {error.strerror or error}") from error
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        lock.release()


def _sweep(root: Path, mine: str) -> None:
    """Removes what processes that were killed left behind: their locks went with them."""
    from filelock import FileLock, Timeout

    for path in root.glob(".*.part"):
        name = path.name[1:].removesuffix(".part")
        if name == mine:
            continue
        lock = FileLock(root / f".{name}.lock")
        try:
            with lock.acquire(timeout=0):
                shutil.rmtree(path, ignore_errors=True)
        except (Timeout, OSError):  # it is being written, or is another user's
            continue
