"""Copies of the pixels that a method may see: few are held in memory, many lie in files of their own.

A file holds one split and nothing else, so that no array that is mapped from it leads to other images. Its name is a
hash of what it holds: all methods, seeds and protocols with the same split share it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..datasets.streaming.rows import read_blocks, read_rows, write_array
from ..files.disk import lack_of_space
from ..files.home import home
from ..files.locks import locked
from ..files.memory import available
from ..files.wording import byte_size

IN_MEMORY = 64 << 20  # bytes of pixels: copies of more are written to files
Split: TypeAlias = tuple[str, str]
WAY_OUT = "set MEDSHIFT_HOME to a folder on a larger disk, or store the data set with a lower --image-size"


def granted_pixels(
    dataset: Dataset,
    splits: Mapping[Split, NDArray[np.int64]],
    content: Callable[[], str],
    report: Callable[[str], None],
) -> dict[Split, NDArray[Any]]:
    """Copy the pixels of some rows, each split into an array of its own; those in files are mapped, read-only.

    Where the disk has no room, or the folder cannot be written, they are held in memory if they fit.

    Args:
        dataset: The images.
        splits: (`source` or `target`, name) -> rows of the data set.
        content: Returns the hash of the data set's pixels; called only if there are files.
        report: Called with a line before files are written.

    Raises:
        MedshiftError: Neither disk nor memory suffices; nothing was written.
    """
    count = sum(map(len, splits.values()))
    needed = count * dataset.pixels[:1].nbytes
    if needed <= IN_MEMORY:
        return {name: read_rows(dataset.pixels, rows) for name, rows in splits.items()}
    known = content()
    paths = {name: _folder() / f"{_key(known, rows)}.npy" for name, rows in splits.items()}
    missing = {name: path for name, path in paths.items() if _mapped(path, dataset, len(splits[name])) is None}
    size = sum(len(splits[name]) for name in missing) * dataset.pixels[:1].nbytes
    lacking = lack_of_space(_folder(), size) or _unwritable(_folder()) if size else ""
    if lacking:
        return _in_memory(dataset, splits, needed, lacking)
    if size:
        report(f"copying the images that the method may see to {_folder()}, once: {byte_size(size)}")
    return {name: _file(path, dataset, splits[name], report) for name, path in paths.items()}


def _in_memory(
    dataset: Dataset, splits: Mapping[Split, NDArray[np.int64]], needed: int, lacking: str
) -> dict[Split, NDArray[Any]]:
    free, count = available(), sum(map(len, splits.values()))
    if free is not None and needed > free:
        raise MedshiftError(
            f"copies of the {count:,} images that the method may see need {lacking}; in memory they need "
            f"{byte_size(needed)}, {byte_size(free)} are free: {WAY_OUT}"
        )
    return {name: read_rows(dataset.pixels, rows) for name, rows in splits.items()}


def _folder() -> Path:
    return home() / "grants"


def _key(content: str, rows: NDArray[np.int64]) -> str:
    return hashlib.sha256(content.encode() + np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest()


def _unwritable(folder: Path) -> str:
    """Say why files cannot be written to a folder, as the second half of a sentence; empty if they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"a folder that can be written, and {folder} cannot ({error.strerror or error})"
    return "" if os.access(folder, os.W_OK) else f"a folder that can be written, and {folder} cannot"


def _file(path: Path, dataset: Dataset, rows: NDArray[np.int64], report: Callable[[str], None]) -> NDArray[Any]:
    """Map a file that holds these rows, after writing it if it is missing or damaged."""
    if not len(rows):
        return read_rows(dataset.pixels, rows)  # nothing can be mapped from a file without values

    def wait(who: str) -> None:
        report(f"the images that the method may see are being copied by {who}: waiting for it")

    with locked(path.with_name(f".{path.stem}.lock"), f"{path} is being written", wait):
        found = _mapped(path, dataset, len(rows))
        if found is None:
            _sweep(path)
            shape = (len(rows), *dataset.pixels.shape[1:])
            write_array(path, shape, dataset.pixels.dtype, read_blocks(dataset.pixels, rows))
            found = _mapped(path, dataset, len(rows))
    if found is None:
        raise MedshiftError(f"{path} does not hold what was just written to it: check the disk, or set MEDSHIFT_HOME")
    return found


def _mapped(path: Path, dataset: Dataset, count: int) -> NDArray[Any] | None:
    """Map a file of so many images of a data set; None if it is missing or damaged."""
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        size = path.stat().st_size
    except (OSError, ValueError, EOFError):
        return None
    right = found.shape == (count, *dataset.pixels.shape[1:]) and found.dtype == dataset.pixels.dtype
    right = right and found.flags.c_contiguous and size == getattr(found, "offset", 0) + found.nbytes
    return found if right else None


def _sweep(path: Path) -> None:
    """Remove what killed processes left of a file; only the one that holds its lock writes it."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError):
            left.unlink()
