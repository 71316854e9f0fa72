"""Values with bootstrap replicates; means and other combinations keep the dependence between their parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..reporting.numbers import format_estimate
from . import intervals
from .still import Still, combined, openness

NONE = (0.0, 0.0)  # excess of a value that is not biased
AT_ONCE = 64  # estimates whose intervals are computed together
ONE_SEED = np.empty((0, 0))  # the same for all: there are hundreds of thousands of estimates


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with its bootstrap replicates.

    Args:
        value: NaN if undefined; the mean over seeds if there are several.
        replicates: (B,) the value on B resamples of the groups; empty if none were drawn.
        samples: Number of samples behind it; for a mean, the sum over its parts, shared samples counted repeatedly.
        groups: Number of groups, counted in the same way.
        parts: Number of values it is the mean of; 1 for a condition.
        undefined: Number of further values that were undefined and left out.
        units: Effective number of groups (`bootstrap.effective_groups`); for a mean, the smallest of its parts.
        bounds: Lowest and highest possible value.
        excess: How much further its interval reaches down and up than the variance alone explains: of a biased value.
        still: What no resample varies in it.
        usual: Where `value` is corrected, what it is by its usual definition, which cards claim.
        by_seed: (S, 1 + B) for several seeds, the value of each and its replicates; empty for one seed.
    """

    value: float
    replicates: NDArray[np.float64] = field(repr=False)
    samples: int = 0
    groups: int = 0
    parts: int = 1
    undefined: int = 0
    units: float = math.inf
    bounds: tuple[float, float] = (-math.inf, math.inf)
    excess: tuple[float, float] = NONE
    still: tuple[Still, ...] = ()
    usual: float | None = None
    by_seed: NDArray[np.float64] = field(default_factory=lambda: ONE_SEED, repr=False)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval over groups, and over seeds if there are several; (NaN, NaN) if undefined."""
        low, high = intervals_of([self])[0].tolist()
        return low, high

    @cached_property
    def spread(self) -> tuple[float, float]:
        """The variance due to seeds alone, and the observed variance between seeds (`intervals.between_seeds`)."""
        several = 1 < self.units < math.inf
        return intervals.between_seeds(self.by_seed, self.units / (self.units - 1) if several else 1.0)

    @property
    def claimed(self) -> float:
        """The value that a card claims, by its usual definition: it does not change with the correction of a bias."""
        return self.value if self.usual is None else self.usual

    @property
    def text(self) -> str:
        """The value and its interval as printed: `.873 [.84, .90]`; a dash if undefined."""
        return format_estimate(self.value, *self.interval)


def intervals_of(estimates: Sequence[Estimate], tail: float = intervals.TAIL) -> NDArray[np.float64]:
    """Compute the intervals (F, 2) of F estimates over the same seeds at once; NaN where undefined.

    Args:
        estimates: The estimates.
        tail: Probability beyond each end: by default that of 95 % intervals; .05 for one-sided bounds of 95 %.
    """
    # a few at a time: the replicates of a thousand estimates do not fit in a core's cache
    parts = [_intervals_of(estimates[start : start + AT_ONCE], tail) for start in range(0, len(estimates), AT_ONCE)]
    return np.concatenate(parts)


def _intervals_of(estimates: Sequence[Estimate], tail: float) -> NDArray[np.float64]:
    return intervals.confidence_intervals(
        np.array([found.value for found in estimates]),
        np.stack([found.replicates for found in estimates]),
        np.array([found.units for found in estimates]),
        max(len(estimates[0].by_seed), 1),
        np.array([found.spread if found.by_seed.size else (0.0, 0.0) for found in estimates]),
        np.array([found.bounds for found in estimates]),
        np.array([found.excess for found in estimates]),
        tail,
        np.array([openness(found.still, tail) if found.still else NONE for found in estimates]),
    )


def mean(parts: Sequence[Estimate]) -> Estimate:
    """Average the defined parts replicate by replicate, which keeps the dependence between them.

    A replicate in which one of the defined parts is undefined is itself undefined.
    """
    defined = [part for part in parts if not math.isnan(part.value)]
    if not defined:
        return replace(_undefined_like(parts[0]), undefined=len(parts))
    found = _behind(defined, [1 / len(defined)] * len(defined))
    return Estimate(
        float(np.add.reduce([part.value for part in defined]) / len(defined)),
        _summed([part.replicates for part in defined]) / len(defined),
        found.samples,
        found.groups,
        len(defined),
        len(parts) - len(defined),
        found.units,
        found.bounds,
        found.excess,
        found.still,
        by_seed=_summed([part.by_seed for part in defined]) / len(defined),
    )


def weighted(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Sum the parts times their weights; undefined if one of them is."""
    found = _behind(parts, weights)
    return Estimate(
        float(np.dot(weights, [part.value for part in parts])),
        _summed([part.replicates for part in parts], weights),
        found.samples,
        found.groups,
        len(parts),
        0,
        found.units,
        found.bounds,
        found.excess,
        found.still,
        by_seed=_summed([part.by_seed for part in parts], weights),
    )


def worst(parts: Sequence[Estimate], higher_is_better: bool) -> Estimate:
    """Return the worst defined part with its own interval, which does not account for the selection.

    The minimum of several noisy values is too low on average, the more so the fewer the groups.
    """
    defined = [part for part in parts if not math.isnan(part.value)]
    if not defined:
        return mean(parts)
    return (min if higher_is_better else max)(defined, key=lambda part: part.value)


def relative(clean: Estimate, shifted: Estimate, chance: float | None) -> Estimate:
    """Compute (shifted - chance) / (clean - chance), the fraction of the margin over chance that is kept.

    Defined only if the metric has a chance level and the whole 95 % interval of clean lies above it, so that the
    denominator is positive. A replicate whose clean value is not above chance is undefined; if that of a seed is not,
    there is no interval.
    """
    samples, groups = clean.samples + shifted.samples, clean.groups + shifted.groups
    if chance is None or not clean.interval[0] > chance:  # also true if there is no interval
        return replace(_undefined_like(clean), samples=samples, groups=groups, undefined=1)
    above, by_seed = (np.where(of > chance, of - chance, np.nan) for of in (clean.replicates, clean.by_seed))
    margin = clean.value - chance
    slopes = [1 / margin, -(shifted.value - chance) / margin**2]
    return Estimate(
        (shifted.value - chance) / margin,
        (shifted.replicates - chance) / above,
        samples,
        groups,
        units=min(clean.units, shifted.units),
        still=combined([shifted.still, clean.still], slopes),
        by_seed=(shifted.by_seed - chance) / by_seed,
    )


def _summed(arrays: Sequence[NDArray[np.float64]], weights: Sequence[float] = ()) -> NDArray[np.float64]:
    """Sum arrays, times weights, one after the other, without the copy of all that a stack takes."""
    if not arrays[0].size:  # as `by_seed` is of one seed
        return arrays[0]
    if weights:
        total = arrays[0] * weights[0]
        for weight, each in zip(weights[1:], arrays[1:], strict=True):
            total += weight * each
        return total
    total = arrays[0].copy()
    for each in arrays[1:]:
        total += each
    return total


def _undefined_like(part: Estimate) -> Estimate:
    """Return an undefined estimate with as many replicates and seeds as another."""
    return Estimate(
        math.nan, np.full_like(part.replicates, np.nan), parts=0, by_seed=np.full_like(part.by_seed, np.nan)
    )


class _Behind(NamedTuple):
    """What a weighted sum has of its parts beside its value; see `Estimate`."""

    samples: int
    groups: int
    units: float
    bounds: tuple[float, float]
    excess: tuple[float, float]
    still: tuple[Still, ...]


def _behind(parts: Sequence[Estimate], weights: Sequence[float]) -> _Behind:
    """Gather what is behind a weighted sum in one pass, as there are thousands of them.

    The excess is as if all parts were off in the worst direction.
    """
    samples = groups = 0
    units, still = math.inf, False
    low = high = down = up = 0.0
    for part, weight in zip(parts, weights, strict=True):
        samples += part.samples
        groups += part.groups
        if part.units < units:
            units = part.units
        if part.still:
            still = True
        least, most = part.bounds
        if weight < 0:
            least, most = most, least
        low += weight * least
        high += weight * most
        if part.excess != NONE:
            below, above = part.excess
            down += abs(weight) * (above if weight < 0 else below)
            up += abs(weight) * (below if weight < 0 else above)
    apart = combined([part.still for part in parts], weights) if still else ()
    return _Behind(samples, groups, units, (low, high), (down, up), apart)
