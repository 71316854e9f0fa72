"""Exact products along an axis (see `matrices`): pixels in steps of 2**-24, summed in float64, in any order.

All take float32 and write float32, no less than `low` and no more than `high`. Four products are added at a time, so
that sums are read and written once for four; indices have no sign, or each would be checked for counting from the end.
"""

from __future__ import annotations

import numpy as np
from numba import uintp

from . import Doubles, Floats, Whole, exact

FINE, COARSE = np.float32(2.0**24), np.float32(2.0**-24)
BLOCK = uintp(128)  # columns whose steps stay in the cache together
FOURFOLD = 4  # entries come in fours, filled up with zeros
I0, I1, I2, I3, I4 = (uintp(i) for i in range(5))


@exact
def banded_last(x: Floats, first: int, diagonals: Doubles, low: np.float32, high: np.float32, out: Floats) -> None:
    """Applies a square matrix, given by its diagonals, to the rows.

    Args:
        x: (R, n).
        first: The lowest of the diagonals, at most 0.
        diagonals: (4 D, n); in row d, column i stands the entry (i, i + first + d), or 0 where there is none.
        low: The least that is written.
        high: The most.
        out: (R, n), written.
    """
    count, n, before = uintp(diagonals.shape[0]), uintp(diagonals.shape[1]), uintp(-first)
    steps, total = np.zeros(before + n + count, np.float64), np.empty(n, np.float64)
    for r in range(uintp(len(x))):
        for i in range(n):
            steps[before + i] = np.rint(x[r, i] * FINE)
            total[i] = 0
        for d in range(I0, count, I4):
            for i in range(n):
                j = i + d
                total[i] += (
                    diagonals[d, i] * steps[j]
                    + diagonals[d + I1, i] * steps[j + I1]
                    + diagonals[d + I2, i] * steps[j + I2]
                    + diagonals[d + I3, i] * steps[j + I3]
                )
        for i in range(n):
            out[r, i] = _between(np.float32(total[i]) * COARSE, low, high)


@exact
def sparse_last(x: Floats, start: Whole, entries: Doubles, low: np.float32, high: np.float32, out: Floats) -> None:
    """Applies a matrix whose rows hold few entries side by side, far from the diagonal.

    Args:
        x: (R, n).
        start: (m,), the column of a row's first entry.
        entries: (K, m), a row's entries one below the other, then zeros.
        low: The least that is written.
        high: The most.
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
            out[r, i] = _between(np.float32(total[i]) * COARSE, low, high)


@exact
def banded_inner(x: Floats, start: Whole, entries: Doubles, low: np.float32, high: np.float32, out: Floats) -> None:
    """Applies a matrix along the middle axis.

    Args:
        x: (R, n, A).
        start: (m,), the column of a row's first entry.
        entries: (4 K, m), a row's entries one below the other, then zeros.
        low: The least that is written.
        high: The most.
        out: (R, m, A), written.
    """
    count, m = uintp(entries.shape[0]), uintp(entries.shape[1])
    n, after = uintp(x.shape[1]), uintp(x.shape[2])
    steps, total = np.zeros((n + count, BLOCK), np.float64), np.empty(BLOCK, np.float64)
    for r in range(uintp(len(x))):
        for left in range(I0, after, BLOCK):
            width = min(BLOCK, after - left)
            for j in range(n):
                for a in range(width):
                    steps[j, a] = np.rint(x[r, j, left + a] * FINE)
            for i in range(m):
                for a in range(width):
                    total[a] = 0
                for k in range(I0, count, I4):
                    j = uintp(start[i]) + k
                    k0, k1, k2, k3 = entries[k, i], entries[k + I1, i], entries[k + I2, i], entries[k + I3, i]
                    for a in range(width):
                        total[a] += (
                            k0 * steps[j, a] + k1 * steps[j + I1, a] + k2 * steps[j + I2, a] + k3 * steps[j + I3, a]
                        )
                for a in range(width):
                    out[r, i, left + a] = _between(np.float32(total[a]) * COARSE, low, high)


@exact
def _between(value: np.float32, low: np.float32, high: np.float32) -> np.float32:
    value = low if value < low else value
    return high if value > high else value
