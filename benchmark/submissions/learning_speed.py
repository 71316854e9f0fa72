"""How fast a training learns: the steps until most of what it gains is gained.

The figure on source validation gains `kept - start`: from the score of guessing, where the metric has one (balanced
accuracy: 1/K, at step 0), or else from the first evaluation, up to the figure of the evaluation whose weights are kept.
The progress of an evaluation is its share of that gain. Steps to a share are where the progress first reaches it, on
straight lines from evaluation to evaluation. It counts the first time, as a later fall is the business of the
checkpoint; so it is never beyond the step that is kept. A training without gain has no such step.

Over seeds, the mean is geometric and the interval Student's t on the logarithms: steps are positive and skewed, and
methods are compared by ratios. One seed has no interval, and the mean is undefined if a seed gains nothing: leaving it
out would flatter the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..contract.training_record import Curve
from ..scoring.bootstrap import LEVEL
from ..scoring.metrics import METRICS

SHARES = (0.9, 0.95)  # of the gain


@dataclass(frozen=True)
class StepsTo:
    """Steps to a share of the gain, over seeds.

    Args:
        value: Geometric mean; NaN if there is no seed, or one gains nothing.
        low: Lower end of the 95 % interval; NaN for fewer than two seeds.
        high: Upper end.
        seeds: Number of seeds.
        without: Number of them that gain nothing.
    """

    value: float
    low: float
    high: float
    seeds: int
    without: int

    @property
    def text(self) -> str:
        """As printed: `1,240 [980, 1,570]`."""
        if math.isnan(self.value):
            return f"none: {self.without} of {self.seeds} gained nothing" if self.without else "–"
        interval = "" if math.isnan(self.low) else f" [{self.low:,.0f}, {self.high:,.0f}]"
        return f"{self.value:,.0f}{interval}"


def steps_to(curve: Curve, kept: int, share: float, classes: int) -> float | None:
    """Return the steps until a training has a share of its gain; None if it gains nothing, or its gain is not known.

    Args:
        curve: Course of the training.
        kept: Step whose weights were kept.
        share: Share of the gain, above 0 and up to 1.
        classes: Number of classes.
    """
    if not 0 < share <= 1:
        raise ValueError("a share is above 0 and up to 1")
    points = [(step, f) for step, f in zip(curve.step, curve.validation_figure, strict=True) if f is not None]
    if kept not in dict(points):
        return None
    chance = METRICS[curve.metric].chance
    points = points if chance is None else [(0, chance(classes)), *points]
    gain = dict(points)[kept] - points[0][1]
    if (gain if METRICS[curve.metric].higher_is_better else -gain) <= 0:
        return None
    step, before = points[0][0], 0.0
    for later, figure in points[1:]:
        progress = (figure - points[0][1]) / gain
        if progress >= share:
            return step + (later - step) * (share - before) / (progress - before)
        step, before = later, progress
    raise AssertionError("the kept evaluation has the whole gain")


def steps_over_seeds(steps: Sequence[float | None]) -> StepsTo:
    """Average the steps of several seeds; None stands for a training that gains nothing."""
    from scipy.special import stdtrit  # deferred: `--help` must stay fast

    without = steps.count(None)
    logs = [math.log(each) for each in steps if each is not None]
    if without or not logs:
        return StepsTo(math.nan, math.nan, math.nan, len(steps), without)
    mean = sum(logs) / len(logs)
    if len(logs) < 2:
        return StepsTo(math.exp(mean), math.nan, math.nan, len(steps), 0)
    spread = math.sqrt(sum((each - mean) ** 2 for each in logs) / (len(logs) - 1) / len(logs))
    reach = float(stdtrit(len(logs) - 1, (1 + LEVEL) / 2)) * spread
    high = math.exp(min(mean + reach, 700.0))  # two seeds far apart: more than any number of steps
    return StepsTo(math.exp(mean), math.exp(mean - reach), high, len(steps), 0)
