"""The weighted area under the ROC curve, for many weightings of the groups at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .wins import count_wins

Labels: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

EXACT = 1 << 24  # whole numbers up to here are exact in single precision
FEW = 5  # conditions that are summed one by one
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
    if replicates >= count and 4 * count <= len(positive) and len(positive) * count <= CELLS:
        areas = _by_pairs_of_groups(rows, positive, groups, weights)
    else:
        sorted_ = [_sorted(positive, row, groups) for row in rows]
        areas = np.stack(
            [_by_samples(negative, groups[positive], below, level, weights) for negative, below, level in sorted_]
        )
    return areas.reshape(*scores.shape[:-1], replicates)


def _sorted(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], groups: Labels
) -> tuple[Labels, NDArray[np.intp], NDArray[np.intp]]:
    """Return the negatives' groups by rising score, and how many are below, and below or tied with, each positive."""
    order = np.flatnonzero(~positive)[np.argsort(scores[~positive], kind="stable")]
    ascending = scores[order]
    below, level = (np.searchsorted(ascending, scores[positive], side=side) for side in ("left", "right"))
    return groups[order], below, level


def _by_samples(negative: Labels, positive: Labels, below: Labels, level: Labels, weights: Floats) -> Floats:
    """Compute the statistic sample by sample, in blocks of weightings.

    Args:
        negative: Groups of the negatives, by rising score.
        positive: Groups of the positives.
        below: Number of negatives below each positive.
        level: Number of negatives below or tied with it.
        weights: (B, G).
    """
    areas = np.full(len(weights), np.nan)
    step = max(1, CELLS // max(1, len(negative) + len(positive)))
    for start in range(0, len(weights), step):
        columns = np.ascontiguousarray(weights[start : start + step].T)  # (G, b), so that indexing copies whole rows
        sums = np.zeros((len(negative) + 1, columns.shape[1]))
        np.cumsum(columns[negative], axis=0, out=sums[1:])
        mine = columns[positive]
        won = np.einsum("ib,ib->b", mine, sums[below]) + np.einsum("ib,ib->b", mine, sums[level])
        areas[start : start + step] = ratio(won, 2 * mine.sum(axis=0) * sums[-1])
    return areas


def _by_pairs_of_groups(
    scores: NDArray[np.floating],
    positive: NDArray[np.bool_],
    groups: Labels,
    weights: Floats,
) -> Floats:
    """Compute the statistic from wins between pairs of groups, counted once: faster for few groups; (C, B).

    The sum over pairs of groups of weight times weight times wins is one matrix product for all conditions. With
    integer weights it is a sum of integers, so single precision gives the same result while none exceeds `EXACT`.
    """
    count = weights.shape[1]
    mine, theirs = (weights @ np.bincount(groups[kind], minlength=count) for kind in (positive, ~positive))
    whole = bool((2 * mine * theirs < EXACT).all() and (weights == np.floor(weights)).all())
    kind = np.float32 if whole else np.float64
    tables = count_wins(positive, groups, scores, count, kind)
    if len(scores) < FEW:  # the products of a hundred groups cost as much as the sums of five conditions
        columns: NDArray[np.floating] = weights.astype(kind)
        won = np.stack([((columns @ table) * columns).sum(axis=1) for table in tables], axis=1)
    else:
        won = _won_by_pairs(tables, len(scores), weights, kind)
    return ratio(won.T, 2 * mine * theirs)


def _won_by_pairs(
    tables: Iterator[NDArray[np.floating]], conditions: int, weights: Floats, kind: type[np.floating]
) -> Floats:
    """Sum weight times weight times wins over all pairs of groups, each pair once; (B, C)."""
    count = weights.shape[1]
    first, second = np.triu_indices(count)
    flat = first * count + second
    wins = np.empty((conditions, len(flat)), kind)
    for number, table in enumerate(tables):
        both = table + table.T
        np.fill_diagonal(both, np.diag(table))
        both.take(flat, out=wins[number])
    won = np.empty((len(weights), conditions))
    step = max(1, 16 * CELLS // len(flat))
    for start in range(0, len(weights), step):
        some = np.ascontiguousarray(weights[start : start + step].T, kind)
        products = np.empty((len(flat), some.shape[1]), kind)  # in the order of `flat`
        for group, place in enumerate(np.flatnonzero(first == second)):
            np.multiply(some[group:], some[group], out=products[place : place + count - group])
        won[start : start + step] = (wins @ products).T
    return won


def ratio(share: Floats, of: Floats) -> Floats:
    """Divide share by `of`; NaN where `of` is not positive."""
    return np.where(of > 0, share / np.where(of > 0, of, 1), np.nan)
