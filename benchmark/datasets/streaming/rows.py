"""Rows of arrays that may lie in a file: read with explicit calls, and written block by block."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.atomic import replace

BLOCK = 16 << 20  # bytes of pixels in memory at a time


def read_rows(pixels: NDArray[Any], index: Sequence[int] | NDArray[np.int64] | slice) -> NDArray[Any]:
    """Copy some rows of an array, in the order of the index; the copy is contiguous and writable.

    Rows of an array that is mapped from a file are read from the file. Pages of a map count as memory of the process
    for as long as it lives, and where the file ends early or the disk fails, touching them kills it without a word.

    Args:
        pixels: In memory, or mapped from a file by `numpy.load` or `numpy.memmap`.
        index: Along the first axis.

    Raises:
        MedshiftError: The file cannot be read.
    """
    path = _file(pixels)
    if path is None:
        return np.array(pixels[index], order="C") if isinstance(index, slice) else np.ascontiguousarray(pixels[index])
    rows = np.arange(len(pixels))[index]  # as NumPy understands an index
    try:
        file = path.open("rb", buffering=0)
    except OSError:  # removed since: the map still holds it
        return np.array(pixels[rows], order="C", subok=False)
    out = np.empty((len(rows), *pixels.shape[1:]), dtype=pixels.dtype)
    with file:
        begin, size = int(getattr(pixels, "offset", 0)), pixels.dtype.itemsize * int(np.prod(pixels.shape[1:]))
        for place, first, count in _runs(rows) if size else ():
            _fill(file, begin + first * size, out[place : place + count].data.cast("B"))
    return out


def block_rows(pixels: NDArray[Any]) -> int:
    """Return how many rows of an array are read at a time where all are, at least one."""
    return max(1, BLOCK // max(1, pixels.dtype.itemsize * int(np.prod(pixels.shape[1:]))))


def read_blocks(pixels: NDArray[Any], index: NDArray[np.int64] | None = None) -> Iterator[NDArray[Any]]:
    """Yield all rows of an array, or those of an index, block by block; nobody may write to them.

    What is in memory already is not copied where all rows are read.

    Args:
        pixels: As for `read_rows`.
        index: Rows, in the order in which they are read; all by default.
    """
    step, mapped = block_rows(pixels), isinstance(pixels, np.memmap)
    for start in range(0, len(pixels) if index is None else len(index), step):
        block = slice(start, start + step)
        if index is None and not mapped:
            yield pixels[block]
        else:
            yield read_rows(pixels, block if index is None else index[block])


def write_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]) -> None:
    """Write an array as `.npy`, block by block along its first axis, atomically.

    Args:
        path: The file.
        shape: Of the whole array.
        dtype: Of the blocks.
        blocks: Contiguous.

    Raises:
        MedshiftError: The file cannot be written.
    """
    with replace(path) as temporary, temporary.open("wb") as file:
        write_header(file, shape, dtype)
        for block in blocks:
            file.write(np.ascontiguousarray(block).data.cast("B"))
        file.flush()
        os.fsync(file.fileno())  # of a file that a power cut has emptied, the size is right


def write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Write what comes before the values in a file that `numpy.load` reads."""
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)


def _file(pixels: NDArray[Any]) -> Path | None:
    """Return the file that a whole array is mapped from; None for arrays in memory, and for views."""
    if not isinstance(pixels, np.memmap):
        return None
    base: object = pixels.base  # another array, if this is a view
    whole = isinstance(base, mmap.mmap) and pixels.flags.c_contiguous and pixels.mode == "r"
    return Path(pixels.filename) if whole and pixels.filename is not None else None


def _runs(rows: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Yield neighbours that are read at once: their place in the result, their first row, their number."""
    edges = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    for place, end in pairwise(edges):
        if end > place:
            yield place, int(rows[place]), end - place


def _fill(file: Any, at: int, into: memoryview) -> None:  # noqa: ANN401  # a raw file: it reads into a buffer
    """Read bytes of a file into a buffer."""
    try:
        file.seek(at)
        while len(into):
            got = file.readinto(into)
            if not got:
                raise MedshiftError(f"{file.name} ends early: it was cut short while it was used. Make it again")
            into = into[got:]
    except OSError as error:
        raise MedshiftError(f"{file.name} cannot be read: {error.strerror or error}") from error
