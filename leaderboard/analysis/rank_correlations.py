"""Rank correlations with weights: entries that stand on one trained network share the weight of one.

Without weights they are Spearman's and Kendall's as usual. With them, more entries on one network do not move a
figure towards that network, whoever submits them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DIGITS = 12  # rounding: what differs by less differs by the order in which a processor takes a sum
LEAST = 1e-10  # variance of ranks, as a share of all: below it a column is constant but for rounding
AT_ONCE = 64  # rows whose pairs with all others are looked at together


def shared_weights(numbers: NDArray[np.int64], counts: Floats | None = None) -> Floats:
    """Share the weight of each network among its entries.

    Args:
        numbers: (n,) network of each entry.
        counts: (..., networks) how often each network is drawn; once by default.

    Returns:
        (..., n) weights.
    """
    share = 1 / np.bincount(numbers)
    return np.asarray((share if counts is None else counts * share)[..., numbers], np.float64)


def weighted_ranks(values: Floats, weights: Floats) -> Floats:
    """Rank each column of (n, C) values: the weight below a value, and half of that of its ties.

    Args:
        values: Values.
        weights: (n, C) or (n, 1) weights.
    """
    order = np.argsort(values, axis=0, kind="stable")
    inside = np.take_along_axis(values, order, axis=0)
    weight = np.take_along_axis(np.broadcast_to(weights, values.shape), order, axis=0)
    upto = np.cumsum(weight, axis=0)
    places = np.arange(len(values))[:, None]
    fresh = np.ones(values.shape, bool)
    fresh[1:] = inside[1:] != inside[:-1]
    last = np.ones(values.shape, bool)
    last[:-1] = fresh[1:]
    first = np.maximum.accumulate(np.where(fresh, places, 0), axis=0)
    end = np.minimum.accumulate(np.where(last, places, len(values))[::-1], axis=0)[::-1]
    below = np.take_along_axis(upto - weight, first, axis=0)
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (below + np.take_along_axis(upto, end, axis=0)) / 2, axis=0)
    return ranks


def spearman(values: Floats, predictors: int, weights: Floats | None = None) -> Floats:
    """Compute Spearman's correlation of the first P columns with the S others: (P, S); NaN for constant columns.

    Args:
        values: (n, P + S) values; a column with a missing value counts as constant.
        predictors: P.
        weights: (n,) weights of the rows; equal by default.
    """
    share = _shares(np.ones(len(values)) if weights is None else weights)
    centred = _centred(weighted_ranks(values, share[:, None]), share[:, None])
    centred[:, (np.isnan(values) & (share > 0)[:, None]).any(axis=0)] = 0
    weighted = centred * share[:, None]
    together = weighted[:, :predictors].T @ centred[:, predictors:]
    squares = (weighted * centred).sum(axis=0)
    return _ratio(together, squares[:predictors, None], squares[predictors:])


def spearman_columns(one: Floats, other: Floats, weights: Floats | None = None) -> Floats:
    """Compute Spearman's correlation of each column with the same one of another array: (n, B) twice -> (B,).

    Args:
        one: Values; a column with a missing value counts as constant.
        other: Values.
        weights: (n, B) or (n, 1) weights; equal by default.
    """
    share = _shares(np.ones((len(one), 1)) if weights is None else weights)
    first, second = (_centred(weighted_ranks(each, share), share) for each in (one, other))
    for values, centred in ((one, first), (other, second)):
        centred[:, (np.isnan(values) & (share > 0)).any(axis=0)] = 0
    squares = [(share * each**2).sum(axis=0) for each in (first, second)]
    return _ratio((share * first * second).sum(axis=0), *squares)


def kendall(values: Floats, predictors: int, weights: Floats | None = None) -> Floats:
    """Compute Kendall's tau-b of the first P columns with the S others, as `spearman` does; pairs weigh by both."""
    share = _shares(np.ones(len(values)) if weights is None else weights)
    products = np.zeros((values.shape[1], values.shape[1]))
    for start in range(0, len(values), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        signs = np.sign(values.T[:, some, None] - values.T[:, None]).reshape(values.shape[1], -1)
        products += (signs * np.outer(share[some], share).ravel()) @ signs.T  # NaN where a value is missing
    squares = np.diag(products)
    return _ratio(products[:predictors, predictors:], squares[:predictors, None], squares[predictors:])


def _shares(weights: Floats) -> Floats:
    """Scale weights so that they add up to 1."""
    return np.asarray(weights / weights.sum(axis=0), np.float64)


def _centred(ranks: Floats, share: Floats) -> Floats:
    return np.asarray(ranks - (share * ranks).sum(axis=0), np.float64)


def _ratio(together: Floats, one: Floats, other: Floats) -> Floats:
    """Divide a covariance by the root of two variances; NaN where one of these is 0 or undefined."""
    varies = (one > LEAST) & (other > LEAST)
    found = together / np.sqrt(np.where(varies, one * other, 1))
    return np.where(varies, np.clip(np.round(found, DIGITS), -1, 1), np.nan)
