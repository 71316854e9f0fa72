"""The weighted area under the ROC curve, for many weightings of the groups at once."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .wins import summing_loop, weighted_wins

Labels: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

EXACT = 1 << 24  # whole numbers up to here are exact in single precision
CELLS = 1 << 18  # weights held at once: 2 MiB, about what fits in a core's cache


def binary_auroc(positive: NDArray[np.bool_], scores: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Compute the weighted Mann-Whitney statistic, sorting once for all weightings.

    A positive wins the weight of the negatives below it and half the weight of those tied with it. If the weights are
    integers, all sums are of integers and halves, so the result does not depend on the order of summation.

    Args:
        positive: (N,) whether a sample is positive.
        scores: (..., N).
        groups: (N,) whose sample it is, 0..G-1.
        weights: (B, G).

    Returns:
        (..., B), NaN where no positive or no negative counts.
    """
    rows = scores.reshape(-1, scores.shape[-1])
    replicates, count = weights.shape
    mine, theirs = (weights @ np.bincount(groups[kind], minlength=count) for kind in (positive, ~positive))
    loop = summing_loop()
    if loop and (weights == np.floor(weights)).all():
        kind = np.float32 if (2 * mine * theirs < EXACT).all() else np.float64
        won = weighted_wins(positive, groups, rows, weights.astype(kind), loop).astype(np.float64)
    else:
        won = np.stack([_by_samples(*_sorted(positive, row, groups), groups[positive], weights) for row in rows])
    return ratio(won, 2 * mine * theirs).reshape(*scores.shape[:-1], replicates)


def _sorted(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], groups: Labels
) -> tuple[Labels, NDArray[np.intp], NDArray[np.intp]]:
    """Return the negatives' groups by rising score, and how many are below, and below or tied with, each positive."""
    order = np.flatnonzero(~positive)[np.argsort(scores[~positive], kind="stable")]
    ascending = scores[order]
    below, level = (np.searchsorted(ascending, scores[positive], side=side) for side in ("left", "right"))
    return groups[order], below, level


def _by_samples(negative: Labels, below: Labels, level: Labels, positive: Labels, weights: Floats) -> Floats:
    """Sum the wins twice and the ties once, sample by sample, in blocks of weightings; (B,).

    Args:
        negative: Groups of the negatives, by rising score.
        below: Number of negatives below each positive.
        level: Number of negatives below or tied with it.
        positive: Groups of the positives.
        weights: (B, G).
    """
    won = np.empty(len(weights))
    step = max(1, CELLS // max(1, len(negative) + len(positive)))
    for start in range(0, len(weights), step):
        columns = np.ascontiguousarray(weights[start : start + step].T)  # (G, b), so that indexing copies whole rows
        sums = np.zeros((len(negative) + 1, columns.shape[1]))
        np.cumsum(columns[negative], axis=0, out=sums[1:])
        mine = columns[positive]
        won[start : start + step] = np.einsum("ib,ib->b", mine, sums[below]) + np.einsum("ib,ib->b", mine, sums[level])
    return won


def ratio(share: Floats, of: Floats) -> Floats:
    """Divide share by `of`; NaN where `of` is not positive."""
    return np.where(of > 0, share / np.where(of > 0, of, 1), np.nan)
