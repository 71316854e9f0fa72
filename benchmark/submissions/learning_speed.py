"""How fast a training learns: the steps until most of what it gains is gained, or until a level is reached.

The figure on source validation gains `kept - start`: from the score of guessing, where the metric has one (balanced
accuracy: 1/K, at step 0), or else from the first evaluation, up to the figure of the evaluation whose weights are kept.
The progress of an evaluation is its share of that gain. Steps to a share are where the progress first reaches it, on
straight lines from evaluation to evaluation. It counts the first time, as a later fall is the business of the
checkpoint; so it is never beyond the step that is kept. A training without gain has no such step.

Before the first evaluation nothing was seen: a training that is there by then took at most so many steps. A line from
guessing at step 0 would say how often it was looked at, not how fast it learns.

Networks that end elsewhere go to other figures by a share of their own gain, and the better one has further to go.
`common_level` is one figure for all: that share of the gain of the training that gains least, which all reach.

Over seeds, the mean is geometric and the interval Student's t on the logarithms: steps are positive and skewed, and
methods are compared by ratios. It is at least as wide as from the evaluations before to those at which the share was
seen, and ends at the length of the schedule. One seed has no interval, and the mean is undefined if a seed gains
nothing: leaving it out would flatter the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.training_record import Curve
from ..scoring.bootstrap import LEVEL
from ..scoring.metrics import METRICS

SHARES = (0.9, 0.95)  # of the gain
TAIL = (1 - LEVEL) / 2
EARLIEST = 1.0  # step: before it, nothing is learned
LARGEST = 700.0  # logarithm of a number that can be computed


class Reached(NamedTuple):
    """When a training reached something.

    Args:
        step: On the line between two evaluations; by the first one, that one.
        after: Step of the evaluation before; 0 if there is none.
        by: Step of the evaluation at which it was seen.
    """

    step: float
    after: float
    by: float


class Gain(NamedTuple):
    """What a training gains on source validation.

    Args:
        start: Figure at which it starts.
        final: Figure of the weights that are kept.
        higher: Whether more is better.
    """

    start: float
    final: float
    higher: bool

    def at(self, share: float) -> float:
        """Return the figure at a share of the gain."""
        return self.start + share * (self.final - self.start)


@dataclass(frozen=True)
class StepsTo:
    """Steps to a share of the gain, or to a level, over seeds.

    Args:
        value: Geometric mean; NaN if there is no seed, or one gains nothing.
        low: Lower end of the 95 % interval; NaN for fewer than two seeds.
        high: Upper end.
        seeds: Number of seeds.
        without: Number of them that gain nothing.
        at_most: Whether a seed was there by its first evaluation, so that the mean may be smaller.
        error: Standard error of the mean of the logarithms.
        spacing: How far that mean may be off, down and up, as only evaluations were seen.
        longest: Steps of the schedule.
    """

    value: float
    low: float
    high: float
    seeds: int
    without: int
    at_most: bool = False
    error: float = 0.0
    spacing: tuple[float, float] = (0.0, 0.0)
    longest: float = math.inf

    @property
    def text(self) -> str:
        """As printed: `1,240 [980, 1,570]`, `≤ 75 [0, 75]`."""
        if math.isnan(self.value):
            return (
                f"none: {self.without} of {self.seeds} gained nothing that is told from chance" if self.without else "–"
            )
        interval = "" if math.isnan(self.low) else f" [{self.low:,.0f}, {self.high:,.0f}]"
        return f"{'≤ ' if self.at_most else ''}{self.value:,.0f}{interval}"

    def varied(self, draws: int, address: Sequence[int]) -> NDArray[np.float64]:
        """Draw what the mean may be, such that 95 % are about the interval; NaN of one seed, which shows no spread.

        Args:
            draws: How many.
            address: Of the random numbers.
        """
        if math.isnan(self.low):
            return np.full(draws, np.nan)
        from scipy.special import ndtri  # deferred: `--help` must stay fast

        rng = np.random.default_rng(list(address))
        seeds = rng.standard_t(self.seeds - 1, draws) * self.error
        off = rng.standard_normal(draws) / float(ndtri(1 - TAIL))
        logs = math.log(self.value) + seeds + np.where(off < 0, *self.spacing) * off
        return np.clip(np.exp(np.minimum(logs, LARGEST)), EARLIEST, self.longest)


def gain_of(curve: Curve, kept: int, classes: int) -> Gain | None:
    """Return what a training gains; None if it gains nothing, or its gain is not known.

    Args:
        curve: Course of the training.
        kept: Step whose weights were kept.
        classes: Number of classes.
    """
    figures = dict(_points(curve))
    if kept not in figures:
        return None
    chance, higher = METRICS[curve.metric].chance, METRICS[curve.metric].higher_is_better
    found = Gain(next(iter(figures.values())) if chance is None else chance(classes), figures[kept], higher)
    return found if (found.final > found.start if higher else found.final < found.start) else None


def steps_to(curve: Curve, kept: int, share: float, classes: int, level: float | None = None) -> Reached | None:
    """Return the steps until a training has a share of its gain; None if it gains nothing, or its gain is not known.

    Args:
        curve: Course of the training.
        kept: Step whose weights were kept.
        share: Share of the gain, above 0 and up to 1.
        classes: Number of classes.
        level: A figure that is to be reached instead, such as the common level of several; None if it never is.
    """
    if not 0 < share <= 1:
        raise ValueError("a share is above 0 and up to 1")
    gain = gain_of(curve, kept, classes)
    if gain is None:
        return None
    whole = gain.final - gain.start
    wanted = share if level is None else (level - gain.start) / whole
    points = _points(curve)
    step, before = 0, 0.0
    for number, (later, figure) in enumerate(points):
        progress = (figure - gain.start) / whole
        if progress >= wanted:
            if not number:
                return Reached(later, 0.0, later)
            return Reached(step + (later - step) * (wanted - before) / (progress - before), step, later)
        step, before = later, progress
    return None


def common_level(gains: Sequence[Gain], share: float) -> float:
    """Return the figure that all trainings reach: a share of the gain of the one that ends lowest."""
    higher = gains[0].higher
    return min(gains, key=lambda gain: gain.final if higher else -gain.final).at(share)


def steps_over_seeds(steps: Sequence[Reached | None], longest: float = math.inf) -> StepsTo:
    """Average the steps of several seeds; None stands for a training that gains nothing.

    Args:
        steps: Of each seed.
        longest: Steps of the schedule.
    """
    from scipy.special import stdtrit  # deferred: `--help` must stay fast

    found = [each for each in steps if each is not None]
    without = len(steps) - len(found)
    if without or not found:
        return StepsTo(math.nan, math.nan, math.nan, len(steps), without)
    logs = [math.log(max(each.step, EARLIEST)) for each in found]
    mean = sum(logs) / len(logs)
    at_most = any(not each.after for each in found)
    if len(logs) < 2:
        return StepsTo(math.exp(mean), math.nan, math.nan, len(steps), 0, at_most, longest=longest)
    error = math.sqrt(sum((each - mean) ** 2 for each in logs) / (len(logs) - 1) / len(logs))
    reach = float(stdtrit(len(logs) - 1, 1 - TAIL)) * error
    down, up = (
        abs(sum(math.log(max(end, EARLIEST)) for end in ends) / len(ends) - mean)
        for ends in ([each.after for each in found], [each.by for each in found])
    )
    low = 0.0 if at_most else math.exp(mean - math.hypot(reach, down))
    high = math.exp(min(mean + math.hypot(reach, up), LARGEST))  # two seeds far apart: more than any number of steps
    return StepsTo(math.exp(mean), low, min(high, longest), len(steps), 0, at_most, error, (down, up), longest)


def _points(curve: Curve) -> list[tuple[int, float]]:
    """List the evaluations whose figure is defined: (step, figure)."""
    return [(step, f) for step, f in zip(curve.step, curve.validation_figure, strict=True) if f is not None]
