"""Products along the axes of images by compiled loops, a few planes at a time so that they stay in the cache.

Dense matrices are left to the linear algebra library, at half the work: a matrix that is symmetric under reversal of
the axis maps the even part about the middle to the even part, and the odd part to the odd part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from . import banded, symmetric
from .compiler import Doubles, Floats, Whole
from .launch import empty_output, run_threaded

DENSE = 0.3  # width of the band as a fraction of n, above which linear algebra libraries are faster than loops
FEW = 16  # columns that a band may always have
FAR = 4  # diagonals per entry of a row, above which entries are looked up one by one
TILE = 32_768  # pixels that one thread processes at a time
PART = 1_048_576  # greatest number of pixels that all threads process at a time


class Band:
    """The nonzero entries of a matrix, (n, n), in the layouts that the loops read."""

    def __init__(self, matrix: Tensor) -> None:
        entries = matrix.numpy()
        n = len(entries)
        row, column = entries.nonzero()
        self.start = (entries != 0).argmax(1)
        widest = int((column - self.start[row]).max(initial=0)) + 1
        self.dense = widest > DENSE * n + FEW
        if self.dense:  # not processed by loops
            return
        self.entries = np.zeros((_fourfold(widest), n))
        self.entries[column - self.start[row], row] = entries[row, column]
        self.few = self.entries[:widest]
        self.reach = np.zeros(n, np.int64)
        np.maximum.at(self.reach, row, column - self.start[row] + 1)
        self.reach = np.maximum(-(-self.reach // banded.FOURFOLD), 1) * banded.FOURFOLD
        offset = column - row
        self.first = int(offset.min(initial=0))
        count = int(offset.max(initial=0)) + 1 - self.first
        self.diagonals = np.zeros((_fourfold(count), n))
        self.diagonals[offset - self.first, row] = entries[row, column]
        self.sparse = widest * FAR < count


def _fourfold(count: int) -> int:
    return -(-count // banded.FOURFOLD) * banded.FOURFOLD


@lru_cache(maxsize=64)
def band(matrix: Tensor) -> Band:
    """Return the band of a matrix, which must not be modified afterwards."""
    return Band(matrix)


def separable(images: Tensor, steps: Sequence[tuple[int, Tensor]], *, clip: bool) -> Tensor:
    """Apply square matrices along axes one after another, see `matrices.separable`."""
    out = empty_output(images)
    together = min(-2, *(axis for axis, _ in steps))  # the axes that all products need together
    x, y = (tensor.view(-1, *images.shape[together:]).numpy() for tensor in (images.contiguous(), out))
    bands = [(axis, band(matrix)) for axis, matrix in steps]
    if not any(step.dense for _, step in bands):
        run_threaded(lambda i, j: _banded(x[i:j], bands, clip, y[i:j]), len(x), x.size)
        return out
    group = _group(x, min(PART, x.size // 2))  # room for half of a small batch keeps memory in bounds
    work = _Work(group * x[0].size)
    spare = [np.empty((group, *x.shape[1:]), np.float32) for _ in steps[1:3]]
    for start in range(0, len(x), group):
        source = x[start : start + group]
        for index, (axis, matrix) in enumerate(steps):
            final = index == len(steps) - 1
            result = y[start : start + len(source)] if final else spare[index % 2][: len(source)]
            sides = _sides(source, axis)
            work.apply(matrix, source.reshape(sides), clip and final, result.reshape(sides))
            source = result
    return out


def _group(x: Floats, pixels: int) -> int:
    """Return how many planes, or volumes, of x are processed together."""
    return min(len(x), max(1, pixels // int(x[0].size)))


def _sides(x: Floats, axis: int) -> tuple[int, int, int]:
    """Return the shape (before, n, after) of an array about an axis."""
    return math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[x.ndim + axis + 1 :])


def _banded(x: Floats, bands: list[tuple[int, Band]], clip: bool, out: Floats) -> None:
    group = _group(x, TILE)
    spare = [np.empty((group, *x.shape[1:]), np.float32) for _ in bands[1:3]]
    plane = [axis for axis, _ in bands[-2:]] == [-2, -1] and not bands[-1][1].sparse
    single = bands[:-2] if plane else bands
    if not single:
        group = len(x)
    for start in range(0, len(x), group):
        source = x[start : start + group]
        target = out[start : start + len(source)]
        for index, (axis, step) in enumerate(single):
            final = index == len(bands) - 1
            result = target if final else spare[index % 2][: len(source)]
            _one(source, axis, step, clip and final, result)
            source = result
        if plane:
            _both(source, bands[-2][1], bands[-1][1], clip, target)


def _both(x: Floats, rows: Band, columns: Band, clip: bool, out: Floats) -> None:
    planes, result = x.reshape(-1, *x.shape[-2:]), out.reshape(-1, *x.shape[-2:])
    banded.banded_both(planes, rows.start, rows.reach, rows.entries, columns.first, columns.diagonals, clip, result)


def _one(x: Floats, axis: int, step: Band, clip: bool, out: Floats) -> None:
    before, n, after = _sides(x, axis)
    if after > 1:
        planes, result = x.reshape(before, n, after), out.reshape(before, n, after)
        banded.banded_inner(planes, step.start, step.reach, step.entries, clip, result)
    elif step.sparse:
        banded.sparse_last(x.reshape(-1, n), step.start, step.few, clip, out.reshape(-1, n))
    else:
        banded.banded_last(x.reshape(-1, n), step.first, step.diagonals, clip, out.reshape(-1, n))


class Halves:
    """The parts of a matrix, (n, n), that act on the even and odd part of an axis.

    `sign` is 1 if the matrix equals itself with both axes reversed, -1 if it equals the negative of that, else 0.
    """

    def __init__(self, matrix: Tensor) -> None:
        n = len(matrix)
        left, right = matrix[: n // 2, : n // 2], matrix[: n // 2, n - n // 2 :].flip(1)
        self.even, self.odd = (left + right).contiguous(), (left - right).contiguous()
        turned = matrix.flip(0, 1)
        self.sign = 1 if torch.equal(turned, matrix) else -1 if torch.equal(turned, -matrix) else 0
        if n % 2 or n < 2:
            self.sign = 0


@lru_cache(maxsize=64)
def halves(matrix: Tensor) -> Halves:
    """Return the halves of a matrix, which must not be modified afterwards."""
    return Halves(matrix)


class _Work:
    """Reusable work space for dense products of a number of pixels: allocating costs more than the products."""

    def __init__(self, pixels: int) -> None:
        self.before, self.after = torch.empty(2, pixels, dtype=torch.float64)

    def apply(self, matrix: Tensor, x: Floats, clip: bool, out: Floats) -> None:
        """Apply a matrix, (n, n), to the middle axis of x, (R, n, A)."""
        half = halves(matrix)
        shape = (2, len(x), x.shape[1] // 2, x.shape[2]) if half.sign else x.shape
        steps, sums = (room[: x.size].view(shape) for room in (self.before, self.after))
        if half.sign:
            fold(x, *steps.numpy())
            for part, given, result in zip((half.even, half.odd), steps, sums, strict=True):
                applied(part, given, result)
            even, odd = sums.numpy()
            unfold(even, odd, half.sign, clip, out)
        else:
            flat, step = x.reshape(-1), steps.view(-1).numpy()
            run_threaded(lambda i, j: symmetric.to_steps(flat[i:j], step[i:j]), x.size, x.size)
            applied(matrix, steps, sums)
            whole, result = sums.view(-1).numpy(), out.reshape(-1)
            run_threaded(lambda i, j: symmetric.from_steps(whole[i:j], clip, result[i:j]), x.size, x.size)


def applied(matrix: Tensor, steps: Tensor, out: Tensor) -> None:
    """Apply a matrix to the middle axis by the linear algebra library."""
    if steps.shape[2] == 1:  # with nothing after the axis, the product from the right is the faster one
        torch.matmul(steps[..., 0], matrix.T, out=out[..., 0])
    else:
        torch.matmul(matrix, steps, out=out)


def fold(x: Floats, even: Doubles, odd: Doubles) -> None:
    """Write the even and odd part of the middle axis, in steps: x[i] + x[n - 1 - i] and the difference."""
    if x.shape[2] == 1:
        rows, e, o = x[..., 0], even[..., 0], odd[..., 0]
        run_threaded(lambda i, j: symmetric.fold_last(rows[i:j], e[i:j], o[i:j]), len(x), x.size)
    else:
        run_threaded(lambda i, j: symmetric.fold_inner(x[i:j], even[i:j], odd[i:j]), len(x), x.size)


def unfold(even: Doubles, odd: Doubles, sign: int, clip: bool, out: Floats) -> None:
    """Write the images, (R, n, A), from these parts; the far half of the axis is `sign` times the difference."""
    if out.shape[2] == 1:
        e, o, y = even[..., 0], odd[..., 0], out[..., 0]
        run_threaded(lambda i, j: symmetric.unfold_last(e[i:j], o[i:j], sign, clip, y[i:j]), len(out), out.size)
    else:
        run_threaded(lambda i, j: symmetric.unfold_inner(even[i:j], odd[i:j], sign, clip, out[i:j]), len(out), out.size)


def partly_moved(images: Tensor, places: Sequence[Tensor], lines: tuple[Tensor, Tensor]) -> Tensor:
    """Take some k-space lines of images from a moved copy; return the magnitude, at most 1.

    Args:
        images: (N, C, *spatial) float32; the length of the last axis but one is even.
        places: (N, H) and (N, W), source rows and columns of the moved copy.
        lines: (H, H) each, the real and imaginary part of the projection on the lines, with `Halves.sign` 1 and -1.
    """
    height, width = images.shape[-2:]
    out = empty_output(images)
    x, y = (tensor.view(len(images), -1, height, width).numpy() for tensor in (images.contiguous(), out))
    rows, columns = (place.numpy() for place in places)
    group = _group(x, min(PART, x.size // 2))  # room for half of a small batch keeps memory in bounds
    room = torch.empty(6, group * x[0].size // 2, dtype=torch.float64)
    for start in range(0, len(x), group):
        part = slice(start, start + group)
        _partly_moved(x[part], (rows[part], columns[part]), lines, room, y[part])
    return out


def _partly_moved(
    x: Floats, places: tuple[Whole, Whole], lines: tuple[Tensor, Tensor], room: Tensor, out: Floats
) -> None:
    count, planes, height, width = x.shape
    parts = room[:, : x.size // 2].view(6, count, planes, height // 2, width)
    (rows, columns), (even, odd, p, q, r, s) = places, parts.numpy()
    run_threaded(
        lambda i, j: symmetric.fold_change(x[i:j], rows[i:j], columns[i:j], even[i:j], odd[i:j]), count, x.size
    )
    for index, half in enumerate(map(halves, lines)):
        torch.matmul(half.even, parts[0], out=parts[2 + 2 * index])
        torch.matmul(half.odd, parts[1], out=parts[3 + 2 * index])
    run_threaded(
        lambda i, j: symmetric.unfold_magnitude(x[i:j], p[i:j], q[i:j], r[i:j], s[i:j], out[i:j]), count, x.size
    )
