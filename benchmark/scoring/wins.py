"""Sum the wins of positives over negatives under many weightings of their groups, by a compiled loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...shifts.kernels.compiler import compiled_exact, numba_works

Flags: TypeAlias = NDArray[np.bool_]
Whole: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating]
Loop: TypeAlias = Callable[[Flags, Whole, Floats, Whole, Floats, Floats], None]

CELLS = 1 << 18  # weights held at once: 1 or 2 MiB, about what fits in a core's cache
LEAST = 256  # weightings at once: with fewer, the loop over samples takes longer than the sums


def weighted_wins(positive: Flags, groups: Whole, rows: Floats, weights: Floats, loop: Loop) -> Floats:
    """Sum, over all pairs of a positive and a negative, weight times weight times 2 for a win and 1 for a tie.

    Args:
        positive: (N,) whether a sample is positive.
        groups: (N,) whose sample it is, 0..G-1.
        rows: (C, N) scores.
        weights: (B, G) whole numbers, of a type that holds every sum exactly.
        loop: Result of `summing_loop`.

    Returns:
        (C, B) whole numbers, of the type of the weights.
    """
    won = np.empty((len(rows), len(weights)), weights.dtype)
    orders = np.argsort(rows, axis=-1)  # ties are counted alike in any order
    step = max(LEAST, CELLS // max(1, weights.shape[1]))
    for start in range(0, len(weights), step):
        columns = np.ascontiguousarray(weights[start : start + step].T)
        part = np.empty((len(rows), columns.shape[1]), weights.dtype)  # in one piece, or the loop is not vectorised
        loop(positive, groups, rows, orders, columns, part)
        won[:, start : start + step] = part
    return won


@lru_cache(maxsize=1)
def summing_loop() -> Loop | None:
    """Compile the loop; None without Numba."""
    return compiled_exact(_sum_in_order) if numba_works() else None


def _sum_in_order(positive: Flags, groups: Whole, rows: Floats, orders: Whole, weights: Floats, won: Floats) -> None:
    """Go through the samples by rising score, with the weight of the negatives so far under every weighting.

    Args:
        positive: (N,).
        groups: (N,).
        rows: (C, N).
        orders: (C, N) samples by rising score.
        weights: (G, B).
        won: (C, B) result.
    """
    below = np.empty(weights.shape[1], weights.dtype)  # twice the weight of the negatives with a lower score
    for row in range(len(rows)):
        scores, order, sums = rows[row], orders[row], won[row]
        below[:] = 0
        sums[:] = 0
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and scores[order[end]] == scores[order[start]]:
                end += 1
            tied = end > start + 1
            # of those tied, the negatives count once for the positives, and once more from then on
            for turn in range(3 if tied else 1):
                for place in range(start, end):
                    sample = order[place]
                    mine = weights[groups[sample]]
                    if positive[sample]:
                        if turn == 1 or not tied:
                            for b in range(len(below)):
                                sums[b] += mine[b] * below[b]
                    elif not tied:
                        for b in range(len(below)):
                            below[b] += mine[b] + mine[b]
                    elif turn != 1:
                        for b in range(len(below)):
                            below[b] += mine[b]
            start = end
