"""95 % confidence intervals from few groups and few seeds.

A plain bootstrap is too narrow for few groups: drawing n from n makes the variance too small by (n - 1) / n, and its
percentiles are a normal's, not Student's (Hesterberg 2015, "What teachers should know about the bootstrap", The
American Statistician 69, section 4). It is worse for seeds, of which there are typically three.

So the variance of a mean over seeds is composed as in a multi-reader multi-case study, seeds being the readers and
groups the cases, both random and crossed:

- groups: the variance of the mean over seeds when groups are resampled, times n / (n - 1);
- seeds: the variance between the seeds' values over their number, less the part that comes from groups (each seed errs
  on different ones), which the first term already contains and a two-way bootstrap counts twice (Owen 2007, "The
  pigeonhole bootstrap", Annals of Applied Statistics 1); not below zero.

The degrees of freedom of their sum are Satterthwaite's (1946, Biometrics Bulletin 2), with the full variance between
seeds (Hillis 2007, Statistics in Medicine 26, who found this for readers). Bounded metrics are kept within their bounds
by a logit transform (for the AUROC: Qin and Hotilovac 2008, Statistical Methods in Medical Research 17).

What does not vary between resamples is not certain for that: `unseen` says how far few groups leave it open.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .bootstrap import LEAST_DEFINED, LEVEL

TAIL = (1 - LEVEL) / 2
FEW_ERRORS = 5  # groups' worth of errors; with more, resamples vary as the error rate does
STILL = 1e-9  # standard errors up to this are rounding error: nothing varied
Floats = NDArray[np.float64]


def between_seeds(by_seed: Floats, of_groups: float) -> tuple[float, float]:
    """Estimate the variance of a mean over seeds that is due to the seeds.

    Args:
        by_seed: (S, 1 + B) the value of each seed, then its replicates on the same groups.
        of_groups: n / (n - 1) for n groups.

    Returns:
        The variance due to seeds alone, and the observed variance between seeds over their number; the first is the
        second less the part that comes from groups, not below zero. Both are 0 for one seed, which shows no spread, and
        NaN if the value of a seed is undefined.
    """
    count = len(by_seed)
    if count < 2:
        return 0.0, 0.0
    whole = float(by_seed[:, 0].var(ddof=1) / count)
    if math.isnan(whole):
        return math.nan, math.nan
    replicates = by_seed[:, 1:]
    defined = replicates[:, ~np.isnan(replicates).any(axis=0)]
    if defined.shape[1] < 2:
        return whole, whole
    deviations = defined - defined.mean(axis=0)
    return max(0.0, whole - of_groups * float(deviations.var(axis=1).sum()) / (count - 1) / count), whole


def unseen(units: Floats | float, tail: float = TAIL) -> Floats:
    """Return the largest share of groups that may differ from all that were seen (Clopper and Pearson 1934).

    Args:
        units: Effective number of groups, in none of which it was seen.
        tail: Probability of a larger one.
    """
    return np.asarray(1 - tail ** (1 / np.maximum(units, 1e-9)))


def further_errors(wrong: Floats, units: Floats | float, tail: float = TAIL) -> Floats:
    """Return by how much the error rate may be higher than was seen (Clopper and Pearson 1934).

    Args:
        wrong: Error rates.
        units: Effective number of groups, of which so large a share was wrong.
        tail: Probability of a higher rate.
    """
    from scipy.special import betaincinv  # deferred: `--help` must stay fast

    seen = wrong * units
    return np.asarray(betaincinv(seen + 1, np.maximum(units - seen, 1e-9), 1 - tail) - wrong)


def quantile(groups: Floats, whole: Floats, total: Floats, units: Floats, seeds: Floats, tail: float = TAIL) -> Floats:
    """Return Student's quantile for the summed variance of groups and seeds, with Satterthwaite's degrees of freedom.

    Args:
        groups: The variance due to groups.
        whole: The observed variance between seeds over their number.
        total: The summed variance.
        units: Effective number of groups.
        seeds: Number of seeds.
        tail: Probability beyond the quantile.
    """
    from scipy.special import stdtrit  # deferred: `--help` must stay fast

    doubt = groups**2 / np.maximum(units - 1, 1e-9) + whole**2 / np.maximum(seeds - 1, 1)
    freedom = np.where(doubt > 0, total**2 / np.where(doubt > 0, doubt, 1), np.inf)
    return np.asarray(stdtrit(np.clip(freedom, 1, 1e9), 1 - tail))


def confidence_intervals(
    values: Floats,
    replicates: Floats,
    units: Floats,
    seeds: int,
    spread: Floats,
    bounds: Floats,
    excess: Floats,
    tail: float = TAIL,
    still: Floats | None = None,
) -> Floats:
    """Compute the confidence intervals of F values; 95 % by default.

    Undefined replicates (NaN: no sample of a class was drawn) are left out; if half or more are undefined, if there are
    none at all, or if there is only one group, the interval is undefined.

    A biased value, one with an excess (`calibration`), has a symmetric interval that reaches further on either side and
    ends at the bounds. A value without bounds keeps the skew of its replicates: the distance to either percentile is
    stretched; if nothing varied, its interval is undefined.

    Args:
        values: (F,).
        replicates: (F, B) on resampled groups, means over seeds.
        units: (F,) effective number of groups (`bootstrap.effective_groups`).
        seeds: Number of seeds.
        spread: (F, 2) as `between_seeds` returns it.
        bounds: (F, 2) lowest and highest possible value; infinite if unbounded.
        excess: (F, 2) how much further the interval reaches down and up than the variance alone explains.
        tail: Probability beyond each end; .05 makes each end a one-sided bound of 95 %.
        still: (F, 2) how far a value is open, down and up, for what no resample varies in it (`still.openness`).

    Returns:
        (F, 2), NaN where undefined.
    """
    found = np.full((len(values), 2), np.nan)
    known = ~np.isnan(values) & (units > 1) & _mostly_defined(replicates)
    if not known.any():
        return found
    value, count, bound = values[known], units[known], bounds[known]
    again = replicates if known.all() else replicates[known]
    whole = not np.isnan(again.sum())
    of_groups = np.where(np.isinf(count), 1.0, count / (np.where(np.isinf(count), 2, count) - 1))
    groups = of_groups * (again.var(axis=1) if whole else np.nanvar(again, axis=1))
    from_seeds = spread[known, 0]
    total = groups + from_seeds
    student = quantile(groups, spread[known, 1], total, count, np.full(len(value), float(seeds)), tail)
    reach = student * np.sqrt(total)
    low, high = value - reach, value + reach
    biased = excess[known].any(axis=1)
    low, high = low - excess[known, 0], high + excess[known, 1]
    low[biased], high[biased] = (np.clip(end[biased], *bound[biased].T) for end in (low, high))
    held = np.isfinite(bound).all(axis=1) & ~biased
    open_ = np.zeros((len(value), 2)) if still is None else still[known]
    if held.any():
        low[held], high[held] = _on_logits(value[held], reach[held], bound[held], count[held], tail, open_[held])
    free = ~held & ~biased
    if free.any():
        at = np.quantile if whole else np.nanquantile
        percentiles = at(again[free], (tail, 1 - tail), axis=1)
        normal = quantile(np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1), np.ones(1), tail)[0]
        sides = np.maximum(np.stack([value[free] - percentiles[0], percentiles[1] - value[free]]), 0) / normal
        reached = student[free] * np.sqrt(of_groups[free] * sides**2 + from_seeds[free])
        reached = np.hypot(reached, open_[free].T)
        reached[:, reached.sum(axis=0) <= STILL] = np.nan
        low[free], high[free] = value[free] - reached[0], value[free] + reached[1]
    found[known] = np.stack([low, high], axis=1)
    return found


def _mostly_defined(replicates: Floats) -> NDArray[np.bool_]:
    """Say for each of (F, B) whether enough replicates are defined; a sum that is defined has none that is not."""
    enough = np.full(len(replicates), replicates.shape[1] > 0)
    doubtful = np.isnan(replicates.sum(axis=1))
    if doubtful.any():
        enough[doubtful] = np.isnan(replicates[doubtful]).mean(axis=1) < LEAST_DEFINED
    return enough


def _on_logits(
    value: Floats, reach: Floats, bound: Floats, units: Floats, tail: float, still: Floats
) -> tuple[Floats, Floats]:
    """Compute an interval that is symmetric on the logit of a value's position between its bounds.

    A value that does not vary between resamples is not certain either, and as a rule it is at a bound: if none of n
    groups erred, the other end is `unseen` away. One between its bounds, such as a difference of nothing, is as far
    open to both sides, as a share of half the width. Where only a part of it does not vary, both distances add up as
    those of independent errors do.
    """
    width = bound[:, 1] - bound[:, 0]
    share = (value - bound[:, 0]) / width
    inner = (share > 0) & (share < 1)
    odds = np.where(inner, share, 0.5)
    steep = odds * (1 - odds)
    middle, half = np.log(odds / (1 - odds)), np.where(inner, np.minimum(reach / width / steep, 500), 0)
    low, high = (1 / (1 + np.exp(-(middle + sign * half))) for sign in (-1, 1))
    varied = inner & (reach > STILL)
    alone = np.where(still.any(axis=1), 0.0, unseen(units, tail) * np.where(inner, 0.5, 1.0))
    down, up = (np.where(varied, np.abs(end - share), alone) for end in (low, high))
    low = np.maximum(share - np.hypot(down, still[:, 0] / width), 0)
    high = np.minimum(share + np.hypot(up, still[:, 1] / width), 1)
    return bound[:, 0] + width * low, bound[:, 0] + width * high
