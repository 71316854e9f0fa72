"""Who is better than whom, as far as the data say: paired comparisons, Holm's correction, tiers, intervals of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit
from scipy.stats import rankdata

from ...benchmark.scoring.bootstrap import LEVEL

Floats = NDArray[np.float64]
ROUNDING = 1e-9  # of a standard error: what is left of two equal ones


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Every entry with every other, on the same resamples of the same groups.

    Args:
        difference: (n, n) row minus column, positive where the row is better.
        error: (n, n) standard error of the difference.
        supported: (n, n) whether the difference holds after Holm's correction, at 5 % for each ranking: two of one
            ranking over the pairs of that ranking, two of different ones over all pairs.
        reach: (n, n) half the width of a 95 % interval, in standard errors.
    """

    difference: Floats
    error: Floats
    supported: NDArray[np.bool_]
    reach: Floats

    def interval(self, row: int, column: int) -> tuple[float, float, float]:
        """Returns the difference of two entries and its 95 % interval, uncorrected."""
        value, half = float(self.difference[row, column]), float(self.reach[row, column] * self.error[row, column])
        return value, value - half, value + half


def compare(
    values: Floats,
    tracks: Floats,
    groups: float,
    higher_is_better: bool,
    spread: Floats | None = None,
    seeds: Floats | None = None,
    rankings: Sequence[object] | None = None,
) -> Comparisons:
    """Returns the paired comparisons of n entries.

    The variance of a difference is that of the tracks, the part of the groups times groups / (groups - 1), and what
    comes from either entry's seeds, which are not paired. Few groups and seeds know less than a normal distribution
    would have them know: Student's t with Satterthwaite's degrees of freedom, as in `intervals`.

    Args:
        values: (n,) what ranks; NaN where undefined.
        tracks: (n, B) its replicates, the same groups being drawn for all in a column.
        groups: What number of groups the figures are as uncertain as.
        higher_is_better: Which way the metric points.
        spread: (n, 2) `intervals.between_seeds` of each; none by default.
        seeds: (n,) how many each has; one by default.
        rankings: (n,) names the ranking that each belongs to; all to one by default.
    """
    sign = 1.0 if higher_is_better else -1.0
    difference = sign * (values[:, None] - values[None, :])
    spread = np.zeros((len(values), 2)) if spread is None else np.nan_to_num(spread)
    seeds = np.ones(len(values)) if seeds is None else seeds
    whole = tracks[:, ~np.isnan(tracks[~np.isnan(values)]).any(axis=0)].astype(np.float64)
    nothing = np.full_like(difference, np.nan)
    if groups < 2 or whole.shape[1] < max(2, tracks.shape[1] / 2):  # undefined in most replicates: nothing can be said
        return Comparisons(difference, nothing, np.zeros(difference.shape, bool), nothing)
    centred = whole - whole.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / (whole.shape[1] - 1)
    own = np.diag(covariance)
    from_seeds = _pairwise(spread[:, 0])
    of_groups = np.maximum(own[:, None] + own[None, :] - 2 * covariance - from_seeds, 0) * groups / (groups - 1)
    error = np.sqrt(of_groups + from_seeds)
    error[error <= ROUNDING] = 0
    np.fill_diagonal(error, 0)
    doubt = of_groups**2 / (groups - 1) + _pairwise(spread[:, 1] ** 2 / np.maximum(seeds - 1, 1))
    freedom = np.where(doubt > 0, error**4 / np.where(doubt > 0, doubt, 1), groups - 1)
    freedom = np.maximum(freedom, 1)
    equal = np.abs(difference) <= ROUNDING
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(equal, 1.0, 2 * stdtr(freedom, -np.abs(difference) / error))
    supported = _supported(chance, np.zeros(len(values)) if rankings is None else np.asarray(rankings))
    return Comparisons(difference, error, supported, stdtrit(freedom, (1 + LEVEL) / 2))


def _supported(chance: Floats, rankings: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns (n, n) which of the pairs hold after the correction, each pair within the family that it belongs to."""
    upper = np.triu(np.ones(chance.shape, bool), 1)
    alike = rankings[:, None] == rankings[None, :]
    supported = np.zeros_like(upper)
    supported[upper] = holm(chance[upper]) <= 1 - LEVEL
    for name in np.unique(rankings):
        family = upper & alike & (rankings == name)[:, None]
        supported[family] = holm(chance[family]) <= 1 - LEVEL
    return supported | supported.T


def _pairwise(each: Floats) -> Floats:
    """Returns (n, n) the sum of the two entries' own."""
    return np.asarray(each[:, None] + each[None, :])


def holm(chance: Floats) -> Floats:
    """Returns p-values after Holm's correction (1979), which keeps the family's error; undefined ones stay so."""
    adjusted = np.full(len(chance), np.nan)
    defined = np.flatnonzero(~np.isnan(chance))
    order = defined[np.argsort(chance[defined], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(chance[order] * factors), 1)
    return adjusted


def tiers(order: list[int], supported: NDArray[np.bool_]) -> list[int]:
    """Returns the tier of each entry of an order, from best to worst.

    A tier begins with the first entry that is supported to be worse than the one that leads the tier above. So nobody
    in a tier is known to be worse than its leader.
    """
    found: list[int] = []
    tier, leader = 1, order[0] if order else 0
    for entry in order:
        if supported[leader, entry]:
            tier, leader = tier + 1, entry
        found.append(tier)
    return found


def ranks(values: Floats, higher_is_better: bool) -> NDArray[np.int64]:
    """Returns the rank of each along the first axis, 1 being the best; equals share the better one, NaN is last."""
    worth = np.where(np.isnan(values), -np.inf, values if higher_is_better else -values)
    return np.asarray(rankdata(-worth, method="min", axis=0), dtype=np.int64)


def rank_intervals(tracks: Floats, higher_is_better: bool) -> NDArray[np.int64]:
    """Returns (n, 2) the ranks between which each of n entries lies in 95 % of the replicates.

    Replicates in which a defined entry is undefined are left out; where most are, nothing is known: 1 to n.
    """
    tail = (1 - LEVEL) / 2
    defined = ~np.isnan(tracks).all(axis=1)
    whole = tracks[:, ~np.isnan(tracks[defined]).any(axis=0)]
    if whole.shape[1] < max(1, tracks.shape[1] / 2):
        return np.tile(np.array([1, len(tracks)]), (len(tracks), 1))
    each = ranks(whole, higher_is_better)
    low = np.quantile(each, tail, axis=1, method="lower")
    high = np.quantile(each, 1 - tail, axis=1, method="higher")
    return np.stack([low, high], axis=1).astype(np.int64)
