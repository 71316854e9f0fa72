"""A figure with its bootstrap replicates: means and other combinations keep what the parts share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..reporting.numbers import format_estimate
from . import intervals


@dataclass(frozen=True, eq=False)
class Estimate:
    """A figure with its bootstrap replicates.

    Args:
        value: The figure; NaN where it is undefined. Of several seeds their mean.
        replicates: (B,) the same figure on B resamples of the groups; empty where none were drawn.
        samples: How many samples it rests on (of a mean: distinct ones are not told apart, the parts' are added).
        groups: How many groups, alike.
        parts: Of how many figures it is the mean; 1 for a condition.
        undefined: How many more were undefined and left out.
        units: What number of groups it is as uncertain as (`bootstrap.units`); of a mean, of the least certain part.
        bounds: Between which it must lie.
        by_seed: (S, 1 + B) of several seeds, the figure of each and its replicates; empty for one seed.
    """

    value: float
    replicates: NDArray[np.float64] = field(repr=False)
    samples: int = 0
    groups: int = 0
    parts: int = 1
    undefined: int = 0
    units: float = math.inf
    bounds: tuple[float, float] = (-math.inf, math.inf)
    by_seed: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)), repr=False)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval over groups, and over seeds where there are several; (NaN, NaN) where it is undefined."""
        low, high = intervals_of([self])[0].tolist()
        return low, high

    @cached_property
    def spread(self) -> tuple[float, float]:
        """The variance that comes from seeds, and that between seeds over their number (`intervals.between_seeds`)."""
        several = 1 < self.units < math.inf
        return intervals.between_seeds(self.by_seed, self.units / (self.units - 1) if several else 1.0)

    @property
    def text(self) -> str:
        """The figure and its interval as printed: `.873 [.84, .90]`; a dash where it is undefined."""
        return format_estimate(self.value, *self.interval)


def intervals_of(estimates: Sequence[Estimate]) -> NDArray[np.float64]:
    """Returns (F, 2) the 95 % intervals of F figures of the same seeds, at once; NaN where undefined."""
    return intervals.confidence_intervals(
        np.array([found.value for found in estimates]),
        np.stack([found.replicates for found in estimates]),
        np.array([found.units for found in estimates]),
        max(len(estimates[0].by_seed), 1),
        np.array([found.spread for found in estimates]),
        np.array([found.bounds for found in estimates]),
    )


def mean(parts: Sequence[Estimate]) -> Estimate:
    """Returns the mean of the defined ones, replicate by replicate, so that what they share stays shared.

    A replicate in which one of the defined parts is undefined is itself undefined.
    """
    defined = [part for part in parts if not math.isnan(part.value)]
    if not defined:
        return replace(_undefined_like(parts[0]), undefined=len(parts))
    return Estimate(
        float(np.mean([part.value for part in defined])),
        np.mean([part.replicates for part in defined], axis=0),
        sum(part.samples for part in defined),
        sum(part.groups for part in defined),
        len(defined),
        len(parts) - len(defined),
        min(part.units for part in defined),
        _bounds(defined, [1 / len(defined)] * len(defined)),
        np.mean([part.by_seed for part in defined], axis=0),
    )


def weighted(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Returns the sum of weight times figure, undefined where one of them is."""
    return Estimate(
        float(np.dot(weights, [part.value for part in parts])),
        np.sum([w * part.replicates for w, part in zip(weights, parts, strict=True)], axis=0),
        sum(part.samples for part in parts),
        sum(part.groups for part in parts),
        len(parts),
        units=min(part.units for part in parts),
        bounds=_bounds(parts, weights),
        by_seed=np.sum([w * part.by_seed for w, part in zip(weights, parts, strict=True)], axis=0),
    )


def worst(parts: Sequence[Estimate], higher_is_better: bool) -> Estimate:
    """Returns the worst of the defined ones, with its own interval, which says nothing of the search for it.

    The least of several noisy figures is too low on average, the more so the fewer the groups.
    """
    defined = [part for part in parts if not math.isnan(part.value)]
    if not defined:
        return mean(parts)
    return (min if higher_is_better else max)(defined, key=lambda part: part.value)


def relative(clean: Estimate, shifted: Estimate, chance: float | None) -> Estimate:
    """Returns (shifted - chance) / (clean - chance): the share of what clean scores above chance that is left.

    Defined only where the metric has a chance level and the whole 95 % interval of clean lies above it, so that
    nothing zero or negative divides. A replicate whose clean figure is not above chance is undefined, and where that of
    a seed is not, there is no interval.
    """
    samples, groups = clean.samples + shifted.samples, clean.groups + shifted.groups
    if chance is None or not clean.interval[0] > chance:  # also where there is no interval
        return replace(_undefined_like(clean), samples=samples, groups=groups, undefined=1)
    above, by_seed = (np.where(of > chance, of - chance, np.nan) for of in (clean.replicates, clean.by_seed))
    return Estimate(
        (shifted.value - chance) / (clean.value - chance),
        (shifted.replicates - chance) / above,
        samples,
        groups,
        units=min(clean.units, shifted.units),
        by_seed=(shifted.by_seed - chance) / by_seed,
    )


def _undefined_like(part: Estimate) -> Estimate:
    """Returns a figure that is undefined on every resample and for every seed of another."""
    nothing = (np.full_like(part.replicates, np.nan), np.full_like(part.by_seed, np.nan))
    return Estimate(math.nan, nothing[0], parts=0, by_seed=nothing[1])


def _bounds(parts: Sequence[Estimate], weights: Sequence[float]) -> tuple[float, float]:
    """Returns the bounds of a weighted sum."""
    ends = [(w * part.bounds[w < 0], w * part.bounds[w >= 0]) for w, part in zip(weights, parts, strict=True)]
    return sum(low for low, _ in ends), sum(high for _, high in ends)
