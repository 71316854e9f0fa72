"""Count in how many pairs of samples the positive of one group scores above the negative of another.

The counts are whole numbers, so the compiled loop and the array code, which runs where Numba is not installed, give the
same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...shifts.kernels.compiler import compiled, numba_works

Flags: TypeAlias = NDArray[np.bool_]
Whole: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating]


def count_wins(positive: Flags, groups: Whole, rows: Floats, count: int, kind: type[np.floating]) -> Iterator[Floats]:
    """Count twice the wins, and once the ties, of the positives of one group over the negatives of another.

    Args:
        positive: (N,) whether a sample is positive.
        groups: (N,) whose sample it is, 0..G-1.
        rows: (C, N) scores.
        count: G.
        kind: Type of the result.

    Yields:
        (G, G) by group of the positive and group of the negative, of each row.
    """
    counting = _loop() or _count_by_arrays
    for order, scores in zip(np.argsort(rows, axis=-1), rows, strict=True):  # ties are counted alike in any order
        wins: Floats = np.zeros((count, count), kind)
        counting(positive[order], groups[order], scores[order], wins)
        yield wins


def _count_by_arrays(positive: Flags, groups: Whole, scores: Floats, wins: Floats) -> None:
    """Count by the running sums of the negatives of each group; arguments as for `_count_in_order`."""
    single = np.eye(len(wins), dtype=wins.dtype)
    negative = scores[~positive]
    below, level = (np.searchsorted(negative, scores[positive], side=side) for side in ("left", "right"))
    sums = np.zeros((len(negative) + 1, len(wins)), wins.dtype)
    np.cumsum(single[groups[~positive]], axis=0, out=sums[1:])
    np.matmul(single[groups[positive]].T, sums[below] + sums[level], out=wins)


@lru_cache(maxsize=1)
def _loop() -> Callable[[Flags, Whole, Floats, Floats], None] | None:
    """Compile the loop; None without Numba."""
    return compiled(_count_in_order) if numba_works() else None


def _count_in_order(positive: Flags, groups: Whole, scores: Floats, wins: Floats) -> None:
    """Go through the samples by rising score, ties together, with the negatives of each group seen so far.

    Args:
        positive: (N,) by rising score, and so are the others.
        groups: (N,).
        scores: (N,).
        wins: (G, G) zeros, which are counted up.
    """
    below = np.zeros(len(wins), wins.dtype)  # twice the negatives of each group with a lower score
    start = 0
    while start < len(scores):
        end = start + 1
        while end < len(scores) and scores[end] == scores[start]:
            end += 1
        for place in range(start, end):
            if not positive[place]:
                below[groups[place]] += 1  # as one of the tied; after the block, as two of the lower
        for place in range(start, end):
            if positive[place]:
                for other in range(len(wins)):
                    wins[groups[place], other] += below[other]
        for place in range(start, end):
            if not positive[place]:
                below[groups[place]] += 1
        start = end
