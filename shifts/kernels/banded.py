"""Exact products of banded matrices along an axis (see `matrices`): steps of 2**-24, summed in float64 in any order.

Four products are added at a time, so that sums are read and written once per four. Indices are unsigned, because signed
ones would be checked for counting from the end.
"""

from __future__ import annotations

import numpy as np
from numba import uintp

from .compiler import Doubles, Floats, Whole, compiled_exact
from .pointwise import clipped

FINE, COARSE = np.float32(2.0**24), np.float32(2.0**-24)
BLOCK = uintp(128)  # columns whose steps stay in the cache together
FOURFOLD = 4  # entries are padded with zeros to a multiple of this
I0, I1, I2, I3, I4 = (uintp(i) for i in range(5))


@compiled_exact
def _by_diagonals(steps: Doubles, row: int, diagonals: Doubles, total: Doubles) -> None:
    """Write the products of two rows of steps, (R, n + 4 D or more), with the diagonals, (4 D, n), read only once."""
    n, after = uintp(diagonals.shape[1]), row + I1
    for d in range(I0, uintp(diagonals.shape[0]), I4):
        for i in range(n):
            j = i + d
            k0, k1, k2, k3 = diagonals[d, i], diagonals[d + I1, i], diagonals[d + I2, i], diagonals[d + I3, i]
            one = k0 * steps[row, j] + k1 * steps[row, j + I1] + k2 * steps[row, j + I2] + k3 * steps[row, j + I3]
            other = (
                k0 * steps[after, j] + k1 * steps[after, j + I1] + k2 * steps[after, j + I2] + k3 * steps[after, j + I3]
            )
            total[I0, i] = one + total[I0, i] if d else one
            total[I1, i] = other + total[I1, i] if d else other


@compiled_exact
def _by_rows(steps: Doubles, start: int, entries: Doubles, i: int, reach: int, width: int, total: Doubles) -> None:
    """Write the product of rows of steps, (n + 4 K, width or more), with the i-th column of entries, (4 K, m)."""
    for k in range(I0, reach, I4):
        j = start + k
        k0, k1, k2, k3 = entries[k, i], entries[k + I1, i], entries[k + I2, i], entries[k + I3, i]
        for a in range(width):
            some = k0 * steps[j, a] + k1 * steps[j + I1, a] + k2 * steps[j + I2, a] + k3 * steps[j + I3, a]
            total[a] = some + total[a] if k else some


@compiled_exact
def banded_last(x: Floats, first: int, diagonals: Doubles, clip: bool, out: Floats) -> None:
    """Apply a square matrix, given by its diagonals, to the rows.

    Args:
        x: (R, n).
        first: Offset of the lowest diagonal, at most 0.
        diagonals: (4 D, n); row d, column i holds the entry (i, i + first + d), or 0 where there is none.
        clip: Write the magnitude, at most 1.
        out: (R, n), written.
    """
    count, n, before = uintp(diagonals.shape[0]), uintp(diagonals.shape[1]), uintp(-first)
    rows = uintp(len(x))
    steps, total = np.zeros((2, before + n + count), np.float64), np.empty((2, n), np.float64)
    for r in range(I0, rows, I2):
        pair = min(I2, rows - r)
        for p in range(pair):
            for i in range(n):
                steps[p, before + i] = np.rint(x[r + p, i] * FINE)
        _by_diagonals(steps, I0, diagonals, total)
        for p in range(pair):
            for i in range(n):
                out[r + p, i] = pixel(np.float32(total[p, i]), clip)


@compiled_exact
def sparse_last(x: Floats, start: Whole, entries: Doubles, clip: bool, out: Floats) -> None:
    """Apply a matrix whose rows hold few adjacent entries, far from the diagonal.

    Args:
        x: (R, n).
        start: (m,), the column of each row's first entry.
        entries: (K, m), each row's entries in a column, padded with zeros.
        clip: Write the magnitude, at most 1.
        out: (R, m), written.
    """
    count, m = uintp(entries.shape[0]), uintp(entries.shape[1])
    n = uintp(x.shape[1])
    steps, total = np.zeros(n + count, np.float64), np.empty(m, np.float64)
    for r in range(uintp(len(x))):
        for i in range(n):
            steps[i] = np.rint(x[r, i] * FINE)
        for i in range(m):
            total[i] = 0
        for k in range(count):
            for i in range(m):
                total[i] += entries[k, i] * steps[uintp(start[i]) + k]
        for i in range(m):
            out[r, i] = pixel(np.float32(total[i]), clip)


@compiled_exact
def _to_block(x: Floats, r: int, left: int, width: int, steps: Doubles) -> None:
    """Write some columns of one plane of (R, n, A) as steps, with zeros in the rows after the last."""
    n = uintp(x.shape[1])
    for j in range(n):
        for a in range(width):
            steps[j, a] = np.rint(x[r, j, left + a] * FINE)
    for j in range(n, uintp(steps.shape[0])):
        for a in range(width):
            steps[j, a] = 0


@compiled_exact
def banded_inner(x: Floats, start: Whole, reach: Whole, entries: Doubles, clip: bool, out: Floats) -> None:
    """Apply a matrix along the middle axis.

    Args:
        x: (R, n, A).
        start: (m,), the column of each row's first entry.
        reach: (m,), the number of its entries, rounded up to a multiple of four.
        entries: (4 K, m), each row's entries in a column, padded with zeros.
        clip: Write the magnitude, at most 1.
        out: (R, m, A), written.
    """
    count, m = uintp(entries.shape[0]), uintp(entries.shape[1])
    n, after = uintp(x.shape[1]), uintp(x.shape[2])
    steps, total = np.empty((n + count, BLOCK), np.float64), np.empty(BLOCK, np.float64)
    for r in range(uintp(len(x))):
        for left in range(I0, after, BLOCK):
            width = min(BLOCK, after - left)
            _to_block(x, r, left, width, steps)
            for i in range(m):
                _by_rows(steps, uintp(start[i]), entries, i, uintp(reach[i]), width, total)
                for a in range(width):
                    out[r, i, left + a] = pixel(np.float32(total[a]), clip)


@compiled_exact
def banded_both(
    x: Floats,
    start: Whole,
    reach: Whole,
    entries: Doubles,
    first: int,
    diagonals: Doubles,
    clip: bool,
    out: Floats,
) -> None:
    """Apply `banded_inner` along the middle axis of (R, n, A), then `banded_last` along the last."""
    count, m = uintp(entries.shape[0]), uintp(entries.shape[1])
    n, after, before = uintp(x.shape[1]), uintp(x.shape[2]), uintp(-first)
    steps, sums = np.empty((n + count, BLOCK), np.float64), np.empty(BLOCK, np.float64)
    lines = np.zeros((m + I1, before + after + uintp(diagonals.shape[0])), np.float64)
    total = np.empty((2, after), np.float64)
    for r in range(uintp(len(x))):
        for left in range(I0, after, BLOCK):
            width = min(BLOCK, after - left)
            _to_block(x, r, left, width, steps)
            for i in range(m):
                _by_rows(steps, uintp(start[i]), entries, i, uintp(reach[i]), width, sums)
                for a in range(width):
                    lines[i, before + left + a] = np.rint(np.float32(sums[a]))
        for i in range(I0, m, I2):
            _by_diagonals(lines, i, diagonals, total)
            for p in range(min(I2, m - i)):
                for a in range(after):
                    out[r, i + p, a] = pixel(np.float32(total[p, a]), clip)


@compiled_exact
def pixel(steps: np.float32, clip: bool) -> np.float32:
    """Convert a sum of steps to a pixel; with `clip`, to its magnitude, at most 1."""
    value = steps * COARSE
    return min(abs(value), np.float32(1)) if clip else value


@compiled_exact
def stacked(x: Floats, rows: Whole, first: int, diagonals: Doubles, out: Floats) -> None:
    """Apply a matrix to the sum of each pair of rows, add up the results in the order of the pairs, and clip to 0..1.

    Args:
        x: (P, H, n).
        rows: (K, 2, H), the two rows of each pair, for each row of the result; the first pair is the same row twice,
            counted once.
        first: Offset of the lowest diagonal, at most 0.
        diagonals: (K, 4 D, n), as for `banded_last`.
        out: (P, H, n), written.
    """
    count, n, before = uintp(diagonals.shape[1]), uintp(diagonals.shape[2]), uintp(-first)
    steps, total = np.zeros(before + n + count, np.float64), np.empty(n, np.float64)
    for p in range(uintp(len(x))):
        for h in range(uintp(x.shape[1])):
            for k in range(uintp(len(diagonals))):
                above, below = x[p, uintp(rows[k, I0, h])], x[p, uintp(rows[k, I1, h])]
                for i in range(n):
                    pair = above[i] if k == I0 else above[i] + below[i]
                    steps[before + i] = np.rint(pair * FINE)
                    total[i] = 0
                for d in range(I0, count, I4):
                    for i in range(n):
                        j = i + d
                        total[i] += (
                            diagonals[k, d, i] * steps[j]
                            + diagonals[k, d + I1, i] * steps[j + I1]
                            + diagonals[k, d + I2, i] * steps[j + I2]
                            + diagonals[k, d + I3, i] * steps[j + I3]
                        )
                for i in range(n):
                    before_this = np.float32(0) if k == I0 else out[p, h, i]
                    out[p, h, i] = before_this + np.float32(total[i]) * COARSE
            for i in range(n):
                out[p, h, i] = clipped(out[p, h, i])
