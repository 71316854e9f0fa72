"""Copies of folders whose images would take most of the memory: decoded once into the cache, and mapped from there.

A copy is laid out as the store's data sets are, and named after all that decides its pixels: the bytes of the files,
the rows, the options, the code and the versions of the decoders. A folder that has changed gets another copy.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.atomic import sha256
from ...files.code import code_sha256
from ...files.disk import lack_of_space
from ...files.home import home
from ...files.locks import locked
from .. import store
from ..dataset import Dataset
from .collection import Collection
from .pack import Content, in_blocks, write_into

BLOCK = 8 << 20  # bytes of pixels held in memory at a time
NAME = "decoded"  # of the data set in each folder; the caller has another
DECODERS = ("numpy", "pillow", "pydicom", "nibabel", "scipy")


def root() -> Path:
    """Return the folder of all copies; each may be deleted while it is not in use."""
    return home() / "decoded"


def lacks(size: int) -> str:
    """Say what keeps a copy from being written, as the second half of a sentence; empty if nothing does.

    Args:
        size: Bytes of its pixels.
    """
    return lack_of_space(root(), size)


def pixels(
    found: Collection, options: str, progress: Callable[[int, int], None] | None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the pixels of all images, mapped from their copy, and the notes on how they were read.

    Args:
        found: The images, of 8 bits.
        options: How they are read.
        progress: Called with (images, all images) while files are compared with those of a copy, and again while they
            are decoded.

    Raises:
        MedshiftError: Something is wrong with the images, and the message lists everything; or the copy cannot be
            written.
    """
    found.problems.stop()
    place = root() / _key(found, options, progress)
    try:
        root().mkdir(parents=True, exist_ok=True)
        # who waits sees no progress meanwhile, but neither does the work twice
        with locked(root() / f".{place.name}.lock", f"{place} is being written", lambda who: None):
            kept = _kept(place) or _decode(found, place, progress)
    except OSError as error:
        raise MedshiftError(
            f"{root()} cannot be written ({error.strerror or error}): set MEDSHIFT_HOME to another folder"
        ) from error
    return kept.pixels, kept.notes


def _key(found: Collection, options: str, progress: Callable[[int, int], None] | None) -> str:
    names = list(dict.fromkeys(found.reader.rows["file"].tolist()))
    files = []
    for done, name in enumerate(names):
        files.append(sha256(found.root / name))
        if progress is not None:
            progress(done + 1, len(names))
    code = code_sha256([__name__, Collection.__module__])
    table = found.table.to_csv(index=False, lineterminator="\n")
    what = [options, code, [version(name) for name in DECODERS], found.classes, table, names, files]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]


def _kept(place: Path) -> Dataset | None:
    """Open a copy; None if there is none, or if it is damaged."""
    try:
        return store.read(place)
    except MedshiftError:
        return None


def _decode(found: Collection, place: Path, progress: Callable[[int, int], None] | None) -> Dataset:
    reader = found.reader
    content = Content(found.table, reader.shape, "uint8", found.classes, value_range=reader.value_range)
    part = place.with_name(f".{place.name}.part")
    for left in (place, part):  # damaged, and of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir()
    try:
        images = in_blocks(found.images(progress), max(1, BLOCK * len(found.table) // max(1, content.size)))
        write_into(part, NAME, content, images, found.all_notes, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return store.read(place)
