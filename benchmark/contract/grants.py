"""Copies of the pixels that a method may see: few are held in memory, many lie in files of their own.

A file holds one split and nothing else, so that no array that is mapped from it leads to other images. Its name is a
hash of what it holds: all methods, seeds and protocols with the same split share it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..datasets.images import scale_stored
from ..datasets.streaming.rows import read_blocks, read_rows, write_array
from ..datasets.streaming.scaling import scaled_shape
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
    size: int = 0,
) -> dict[Split, NDArray[Any]]:
    """Copy the pixels of some rows, each split into an array of its own; those in files are mapped, read-only.

    Where the disk has no room, or the folder cannot be written, they are held in memory if they fit.

    Args:
        dataset: The images.
        splits: (`source` or `target`, name) -> rows of the data set.
        content: Returns the hash of the data set's pixels; called only if there are files.
        report: Called with a line before files are written.
        size: Longest side to which the copies are scaled; 0 keeps that of the images.

    Raises:
        MedshiftError: Neither disk nor memory suffices; nothing was written.
    """
    images = _Scaled(dataset, size)
    needed = sum(map(len, splits.values())) * images.nbytes
    if needed <= IN_MEMORY:
        return {name: images.read(rows) for name, rows in splits.items()}
    known = content()
    paths = {name: _folder() / f"{_key(known, rows, size)}.npy" for name, rows in splits.items()}
    missing = {name: path for name, path in paths.items() if _mapped(path, images, len(splits[name])) is None}
    written = sum(len(splits[name]) for name in missing) * images.nbytes
    lacking = lack_of_space(_folder(), written) or _unwritable(_folder()) if written else ""
    if lacking:
        return _in_memory(images, splits, needed, lacking)
    if written:
        report(f"copying the images that the method may see to {_folder()}, once: {byte_size(written)}")
    return {name: _file(path, images, splits[name], report) for name, path in paths.items()}


@dataclass(frozen=True)
class _Scaled:
    """The images of a data set, scaled.

    Args:
        dataset: The data set.
        size: Longest side; 0 keeps that of the images.
    """

    dataset: Dataset
    size: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""
        return self.dataset.pixels.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial)."""
        return self.dataset.channels, *scaled_shape(self.dataset.spatial, self.size)

    @property
    def nbytes(self) -> int:
        """Bytes of one image."""
        return self.dtype.itemsize * int(np.prod(self.shape))

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Copy some images."""
        if not self.size:
            return read_rows(self.dataset.pixels, rows)
        return np.concatenate([np.empty((0, *self.shape), self.dtype), *self.blocks(rows)])

    def blocks(self, rows: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
        """Yield some images block by block."""
        for block in read_blocks(self.dataset.pixels, rows):
            yield scale_stored(block, self.dataset.value_range, self.size)


def _in_memory(
    images: _Scaled, splits: Mapping[Split, NDArray[np.int64]], needed: int, lacking: str
) -> dict[Split, NDArray[Any]]:
    free, count = available(), sum(map(len, splits.values()))
    if free is not None and needed > free:
        raise MedshiftError(
            f"copies of the {count:,} images that the method may see need {lacking}; in memory they need "
            f"{byte_size(needed)}, {byte_size(free)} are free: {WAY_OUT}"
        )
    return {name: images.read(rows) for name, rows in splits.items()}


def _folder() -> Path:
    return home() / "grants"


def _key(content: str, rows: NDArray[np.int64], size: int = 0) -> str:
    what = f"{content} at {size}" if size else content
    return hashlib.sha256(what.encode() + np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest()


def _unwritable(folder: Path) -> str:
    """Say why files cannot be written to a folder, as the second half of a sentence; empty if they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"a folder that can be written, and {folder} cannot ({error.strerror or error})"
    return "" if os.access(folder, os.W_OK) else f"a folder that can be written, and {folder} cannot"


def _file(path: Path, images: _Scaled, rows: NDArray[np.int64], report: Callable[[str], None]) -> NDArray[Any]:
    """Map a file that holds these rows, after writing it if it is missing or damaged."""
    if not len(rows):
        return images.read(rows)  # nothing can be mapped from a file without values

    def wait(who: str) -> None:
        report(f"the images that the method may see are being copied by {who}: waiting for it")

    with locked(path.with_name(f".{path.stem}.lock"), f"{path} is being written", wait):
        found = _mapped(path, images, len(rows))
        if found is None:
            _sweep(path)
            write_array(path, (len(rows), *images.shape), images.dtype, images.blocks(rows))
            found = _mapped(path, images, len(rows))
    if found is None:
        raise MedshiftError(f"{path} does not hold what was just written to it: check the disk, or set MEDSHIFT_HOME")
    return found


def _mapped(path: Path, images: _Scaled, count: int) -> NDArray[Any] | None:
    """Map a file of a number of images; None if it is missing or damaged."""
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        size = path.stat().st_size
    except (OSError, ValueError, EOFError):
        return None
    right = found.shape == (count, *images.shape) and found.dtype == images.dtype
    right = right and found.flags.c_contiguous and size == getattr(found, "offset", 0) + found.nbytes
    return found if right else None


def _sweep(path: Path) -> None:
    """Remove what killed processes left of a file; only the one that holds its lock writes it."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError):
            left.unlink()
