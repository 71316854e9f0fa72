"""The temporary folder into which a data set is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ....shifts.errors import MedshiftError
from ...files.locks import locked
from .. import catalogue, store


def check_free(name: str) -> None:
    """Raise MedshiftError if a name is invalid or taken."""
    where = store.folder(name)
    if name in catalogue.TABLE.names():
        raise MedshiftError(f"data set {name!r} comes with {catalogue.TABLE.origin(name)}: choose another name")
    if os.path.lexists(where):  # a link whose target is gone takes the name, too
        raise MedshiftError(
            f"data set {name!r} exists already: choose another name, or remove it (`medshift data remove {name}`)"
        )


@contextmanager
def staged_folder(name: str) -> Iterator[Path]:
    """Yield a new temporary folder that only this process writes; it is removed unless it was renamed."""
    root = store.root()
    busy = f"data set {name!r} is being added by another process: wait, or choose another name"
    with ExitStack() as held:
        try:
            root.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(root / f".{name}.lock", busy))
        except OSError as error:
            raise MedshiftError(f"{root} cannot be written ({error}): set MEDSHIFT_HOME to another folder") from error
        part = root / f".{name}.part"
        try:
            _sweep(root, name)
            shutil.rmtree(part, ignore_errors=True)
            check_free(name)  # another process may have finished it meanwhile
            try:
                part.mkdir()
            except OSError as error:
                raise MedshiftError(f"{part} cannot be written: {error.strerror or error}") from error
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _sweep(root: Path, own: str) -> None:
    """Remove what killed processes left behind; their locks are free."""
    for path in root.glob(".*.part"):
        name = path.name[1:].removesuffix(".part")
        if name == own:
            continue
        # unless it is being written, or belongs to another user
        with suppress(MedshiftError, OSError), locked(root / f".{name}.lock", ""):
            shutil.rmtree(path, ignore_errors=True)
