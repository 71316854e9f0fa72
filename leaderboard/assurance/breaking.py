"""Breaking points: up to which severity of a shift a rule holds, and up to which this is shown.

Between the tested severities, from the unshifted images at 0 on, the margin of a rule is interpolated linearly: the
breaking point is where it first falls below 0. Its interval, and the severity up to which the rule is shown to hold,
are where the bounds of the margin do, with patients (and seeds) resampled. The bound of an interpolated figure is at
least the interpolated bound, as standard errors are convex, so that nothing is shown between two severities that is not
shown at them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...benchmark.protocols.condition import Condition
from ...benchmark.protocols.protocol import Protocol
from ...benchmark.scoring.intervals import TAIL as TWO_SIDED
from ...benchmark.severity.physical_scale import Scale, scale
from .criteria.criterion import Rule
from .entry.scores import EntryScores
from .margins import Margin, bounds, margins


@dataclass(frozen=True, eq=False)
class Breaking:
    """Where a rule breaks under one shift, in severities 0..5.

    Args:
        scale: The shift's scale.
        family: Its family.
        margins: The margins unshifted and at each tested severity, ascending.
        point: The breaking point; the last tested severity if it does not break up to there; NaN where it cannot be
            told.
        low: Lower end of its 95 % interval.
        high: Upper end.
        shown: Severity up to which the rule is shown to hold; NaN if not even unshifted.
    """

    scale: Scale
    family: str
    margins: Sequence[Margin]
    point: float
    low: float
    high: float
    shown: float

    @property
    def last(self) -> float:
        """The highest tested severity."""
        return self.margins[-1].condition.severity

    @property
    def holds_throughout(self) -> bool:
        """Whether the figure itself satisfies the rule at every tested severity."""
        return self.point >= self.last and all(each.good.value >= 0 for each in self.margins)

    @property
    def fails_unshifted(self) -> bool:
        """Whether the figure itself violates the rule on unshifted images."""
        return self.margins[0].good.value < 0

    @property
    def shown_text(self) -> str:
        """Up to where the rule is shown to hold, in the shift's unit."""
        if math.isnan(self.shown):
            return "not even unshifted"
        if self.shown <= 0:
            return "only unshifted"
        end = ", the last tested" if self.shown >= self.last else ""
        return f"{self.scale.text(self.shown)}{end}"

    @property
    def point_text(self) -> str:
        """The breaking point and its interval, in the shift's unit."""
        if math.isnan(self.point):
            return "undefined"
        if self.fails_unshifted:
            return "fails unshifted"
        if self.holds_throughout:
            after = "" if self.low >= self.last else f"; interval from {self.scale.number(self.low)}"
            return f"beyond {self.scale.text(self.last)}{after}"
        high = f"beyond {self.scale.number(self.last)}" if self.high >= self.last else self.scale.number(self.high)
        return f"{self.scale.number(self.point)} [{self.scale.number(self.low)}, {high}] {self.scale.unit}".rstrip()


def breaking_points(scores: EntryScores, rule: Rule) -> list[Breaking]:
    """Find the breaking point of every shift of the protocol, in its order."""
    return [breaking_point(scores, rule, shift) for shift in scores.protocol.shifts]


def breaking_point(scores: EntryScores, rule: Rule, shift: str) -> Breaking:
    """Find the breaking point of one shift."""
    found = margins(scores, rule, [scores.clean, *severities_of(scores.protocol, shift)])
    steps = [each.condition.severity for each in found]
    wide, narrow = bounds(found, TWO_SIDED), bounds(found)
    point = crossing(steps, [each.good.value for each in found])
    low, high = (crossing(steps, [ends[side] for ends in wide]) for side in (0, 1))
    shown = crossing(steps, [ends[0] for ends in narrow])
    low, high = (0.0 if math.isnan(end) else end for end in (low, high))
    return Breaking(
        scale(shift),
        scores.protocol.shifts[shift],
        found,
        0.0 if math.isnan(point) and found[0].good.value < 0 else point,
        low if math.isnan(point) else min(low, point),  # a band that is undefined at a severity ends before it
        high if math.isnan(point) else max(high, point),
        shown,
    )


def severities_of(protocol: Protocol, shift: str) -> list[Condition]:
    """List the conditions of a shift by rising severity."""
    return sorted((c for c in protocol.conditions() if c.shift == shift), key=lambda c: c.severity)


def crossing(steps: Sequence[float], heights: Sequence[float]) -> float:
    """Return where a polygon that begins at or above 0 first falls below it, or its end if it never does.

    An undefined height ends it at the step before. NaN if it begins below 0 or undefined.
    """
    if not heights[0] >= 0:
        return math.nan
    for left in range(len(steps) - 1):
        one, other = heights[left], heights[left + 1]
        if math.isnan(other):
            return steps[left]
        if other < 0:
            return steps[left] + (steps[left + 1] - steps[left]) * one / (one - other)
    return steps[-1]
