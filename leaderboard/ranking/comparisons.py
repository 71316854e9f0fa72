"""Paired comparisons between entries, Holm's correction, tiers, and intervals of ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit
from scipy.stats import rankdata

from ...benchmark.scoring.bootstrap import LEVEL
from ...benchmark.scoring.intervals import STILL, unseen

if TYPE_CHECKING:
    from .source_models import PairedVariance

Floats = NDArray[np.float64]
ROUNDING = STILL  # the same of differences, which are then zero


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Comparisons of every entry with every other, on the same resamples of the same groups.

    Args:
        difference: (n, n) row minus column, positive where the row is better.
        error: (n, n) standard error of the difference.
        supported: (n, n) whether the difference is supported after Holm's correction at 5 %: over the pairs of a
            ranking for two entries of the same ranking, over all pairs with a ranking for two of different rankings.
        reach: (n, n) half the width of a 95 % interval, in standard errors.
        most: The largest possible difference.
        chance: (n, n) two-sided p-value of the difference, uncorrected; NaN where it is undefined.
    """

    difference: Floats
    error: Floats
    supported: NDArray[np.bool_]
    reach: Floats
    most: float = math.inf
    chance: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def interval(self, row: int, column: int) -> tuple[float, float, float]:
        """Return the difference of two entries and the ends of its 95 % interval, uncorrected."""
        value, half = float(self.difference[row, column]), float(self.reach[row, column] * self.error[row, column])
        return value, max(value - half, -self.most), min(value + half, self.most)


def compare(
    values: Floats,
    replicates: Floats,
    groups: float,
    higher_is_better: bool,
    spread: Floats | None = None,
    seeds: Floats | None = None,
    rankings: Sequence[str] | None = None,
    paired: Mapping[tuple[int, int], PairedVariance] | None = None,
    most: float = math.inf,
) -> Comparisons:
    """Compare n entries pairwise.

    The variance of a difference has two parts: that due to groups, which are paired, times groups / (groups - 1); and
    that due to the seeds of either entry, which are not, unless both stand on the same models. As groups and seeds are
    few, Student's t is used with Satterthwaite's degrees of freedom, as in `intervals`. A difference that is the same
    in every resample is as certain as its sign in so many groups: a sign test, and an interval of what may be unseen.

    Args:
        values: (n,) ranking figures; NaN where undefined.
        replicates: (n, B) their replicates; a column has the same groups for all entries.
        groups: Effective number of groups behind the figures.
        higher_is_better: Direction of the metric.
        spread: (n, 2) `intervals.between_seeds` of each entry; zero by default.
        seeds: (n,) number of seeds of each entry; one by default.
        rankings: (n,) the ranking that each entry belongs to, empty for one that has none; the same one by default.
        paired: (row, column), row < column -> the variance of the difference of two entries whose seeds are paired.
        most: The highest possible figure; the lowest is zero.
    """
    sign = 1.0 if higher_is_better else -1.0
    difference = sign * (values[:, None] - values[None, :])
    spread = np.zeros((len(values), 2)) if spread is None else np.nan_to_num(spread)
    seeds = np.ones(len(values)) if seeds is None else seeds
    whole = _whole(values, replicates)
    nothing = np.full_like(difference, np.nan)
    if groups < 2 or whole.shape[1] < 2:  # one group, or undefined in most replicates
        return Comparisons(difference, nothing, np.zeros(difference.shape, bool), nothing, most, nothing)
    centred = whole - whole.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / (whole.shape[1] - 1)
    own = np.diag(covariance)
    from_seeds = _pairwise(spread[:, 0])
    of_groups = np.maximum(own[:, None] + own[None, :] - 2 * covariance - from_seeds, 0) * groups / (groups - 1)
    doubt_of_seeds = _pairwise(spread[:, 1] ** 2 / np.maximum(seeds - 1, 1))
    for (row, column), variance in (paired or {}).items():
        both = [row, column], [column, row]
        of_groups[both], from_seeds[both] = variance.groups, variance.seeds
        doubt_of_seeds[both] = variance.between**2 / max(seeds[row] - 1, 1)
    error = np.sqrt(of_groups + from_seeds)
    error[error <= ROUNDING] = 0
    np.fill_diagonal(error, 0)
    doubt = of_groups**2 / (groups - 1) + doubt_of_seeds
    freedom = np.where(doubt > 0, error**4 / np.where(doubt > 0, doubt, 1), groups - 1)
    freedom = np.maximum(freedom, 1)
    equal = np.abs(difference) <= ROUNDING
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(equal, 1.0, 2 * stdtr(freedom, -np.abs(difference) / error))
    reach = stdtrit(freedom, (1 + LEVEL) / 2)
    still = error == 0
    np.fill_diagonal(still, 0)
    error[still] = unseen(groups) / reach[still]
    chance[still & (np.abs(difference) > ROUNDING)] = sign_test(groups)
    supported = _supported(chance, np.array(["all"] * len(values) if rankings is None else rankings))
    return Comparisons(difference, error, supported, reach, most, chance)


def _whole(values: Floats, replicates: Floats) -> Floats:
    """Return the replicates in which all entries are defined; those of an entry that leaves too few become NaN."""
    missing, counted = np.isnan(replicates), ~np.isnan(values)
    least = max(2, replicates.shape[1] / 2)
    while counted.any() and (~missing[counted].any(axis=0)).sum() < least:
        counted[np.argmax(np.where(counted, missing.sum(axis=1), -1))] = False
    if not counted.any():
        return np.empty((len(values), 0))
    whole = replicates[:, ~missing[counted].any(axis=0)].astype(np.float64)
    whole[~counted] = np.nan
    return whole


def sign_test(groups: float) -> float:
    """Return the two-sided p-value of a difference that has one sign in all groups."""
    return float(min(1.0, 2 * 0.5**groups))


def _supported(chance: Floats, rankings: NDArray[Any]) -> NDArray[np.bool_]:
    """Decide which of the (n, n) pairs are supported, correcting each pair within its family."""
    upper = np.triu(np.ones(chance.shape, bool), 1)
    same = rankings[:, None] == rankings[None, :]
    supported = np.zeros_like(upper)
    ranked = rankings != ""
    # what nobody has run again is compared, too, but makes no comparison of ranked entries harder
    families = [upper, upper & ranked[:, None] & ranked[None, :]]
    families += [upper & same & (rankings == name)[:, None] for name in np.unique(rankings[ranked])]
    for family in families:  # the narrower one decides
        supported[family] = holm(chance[family]) <= 1 - LEVEL
    return supported | supported.T


def _pairwise(each: Floats) -> Floats:
    """Add the values of each pair of entries: (n,) -> (n, n)."""
    return np.asarray(each[:, None] + each[None, :])


def holm(chance: Floats) -> Floats:
    """Adjust p-values by Holm's method (1979), which controls the family-wise error rate; NaN stays NaN."""
    adjusted = np.full(len(chance), np.nan)
    defined = np.flatnonzero(~np.isnan(chance))
    order = defined[np.argsort(chance[defined], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(chance[order] * factors), 1)
    return adjusted


def tiers(order: list[int], supported: NDArray[np.bool_]) -> list[int]:
    """Assign tiers to entries given from best to worst.

    A tier begins with the first entry that is supported to be worse than the leader of the tier above, so no entry is
    supported to be worse than the leader of its own tier.
    """
    found: list[int] = []
    tier, leader = 1, order[0] if order else 0
    for entry in order:
        if supported[leader, entry]:
            tier, leader = tier + 1, entry
        found.append(tier)
    return found


def ranks(values: Floats, higher_is_better: bool) -> NDArray[np.int64]:
    """Rank along the first axis, 1 being the best; ties share the better rank, NaN is last."""
    quality = np.where(np.isnan(values), -np.inf, values if higher_is_better else -values)
    return np.asarray(rankdata(-quality, method="min", axis=0), dtype=np.int64)


def rank_intervals(found: Comparisons, members: Sequence[int], level: float = LEVEL) -> NDArray[np.int64]:
    """Compute intervals, by default of 95 %, of the ranks of the entries of one ranking: (m, 2) lowest and highest.

    A rank is uncertain as far as the comparisons that make it are: an entry may be on any place below those that are
    better than it, and above those that are worse, each after Holm's correction over its m - 1 comparisons (Mogstad,
    Romano, Shaikh and Wilhelm 2024, "Inference for ranks with applications to mobility across neighbourhoods and
    academic achievement across countries"). Percentiles of resampled ranks, which are usual, are too narrow: of two
    equal entries with three seeds, they told one in eight apart.

    Args:
        found: Comparisons of all entries.
        members: Places of the entries of the ranking; those with an undefined figure are below all others.
        level: Probability with which an interval holds the rank.
    """
    undefined = np.isnan(np.diag(found.difference))
    defined = [member for member in members if not undefined[member]]
    intervals = []
    for entry in members:
        if undefined[entry]:
            intervals.append((len(defined) + 1, len(members)))
            continue
        others = np.array([other for other in defined if other != entry], np.int64)
        apart = holm(found.chance[entry, others]) <= 1 - level
        lead = found.difference[entry, others]
        intervals.append((1 + int((apart & (lead < 0)).sum()), len(defined) - int((apart & (lead > 0)).sum())))
    return np.array(intervals, np.int64).reshape(-1, 2)
