"""By how much a rule holds: figures, and one-sided bounds of the worse and of the better side.

A loss is the difference to the source's own test images: of the same patients where a shift was synthesized, of
others at a real site; a mean over classes is then of the classes that the site has. Few patients in whom nothing
changed, or for whom all was right, do not show that nothing changes: so a loss varies at least as if it changed
altogether in one patient more, and where each patient has one image and none changed, its bound is Clopper and
Pearson's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...benchmark.protocols.condition import Condition
from ...benchmark.scoring.estimate import Estimate, intervals_of, weighted
from ...benchmark.scoring.still import combined
from .criteria.criterion import Rule
from .entry.scores import EntryScores

TAIL = 0.05  # of a one-sided bound of 95 %


@dataclass(frozen=True, eq=False)
class Margin:
    """A rule's figure under one condition, so that high values are good.

    Args:
        condition: The condition.
        figure: The figure as the rule has it: a metric, or a loss, which is positive where it is worse.
        good: The same, turned so that high values are good, less the limit: the rule holds from 0 on.
        certain: Whether it is the loss of the source's own images to themselves: none, whoever the patients are.
        partial: Whether it is a loss over the classes of a site that lacks some.
    """

    condition: Condition
    figure: Estimate
    good: Estimate
    certain: bool = False
    partial: bool = False


def margins(scores: EntryScores, rule: Rule, conditions: Sequence[Condition]) -> list[Margin]:
    """Compute the margins of a rule under some conditions."""
    by_key = scores.figures(rule.metric, rule.class_)
    found = []
    for condition in conditions:
        figure = by_key[condition.key]
        sign = 1 if rule.higher_is_better else -1
        if rule.limit == "loses_at_most":
            clean, partial = scores.clean_figure(rule.metric, rule.class_, condition)
            loss = weighted([clean, figure], [sign, -sign])
            loss = replace(loss, samples=figure.samples, groups=figure.groups)
            itself = condition.kind == "clean"
            loss = loss if itself else with_one_patient_more(loss)
            found.append(Margin(condition, loss, _turned(loss, -1, rule.value), itself, partial))
        else:
            found.append(Margin(condition, figure, _turned(figure, sign, sign * -rule.value)))
    return found


def bounds(found: Sequence[Margin], tail: float = TAIL) -> list[tuple[float, float]]:
    """Return the lower and the upper one-sided bound of each margin; NaN where undefined."""
    if not found:
        return []
    ends = intervals_of([margin.good for margin in found], tail)
    values = [margin.good.value for margin in found]
    return [
        (value, value) if margin.certain else (float(low), float(high))
        for margin, value, (low, high) in zip(found, values, ends, strict=True)
    ]


def as_figure(rule: Rule, margin: float) -> float:
    """Turn a margin, or a bound of one, back into the rule's figure."""
    if rule.limit == "loses_at_most":
        return rule.value - margin
    return rule.value + margin if rule.higher_is_better else rule.value - margin


def _turned(figure: Estimate, sign: int, shift: float) -> Estimate:
    """Return sign x figure + shift; its interval is turned likewise."""
    low, high = sorted(sign * end + shift for end in figure.bounds)
    excess = figure.excess if sign > 0 else (figure.excess[1], figure.excess[0])
    return replace(
        figure,
        value=sign * figure.value + shift,
        replicates=sign * figure.replicates + shift,
        by_seed=sign * figure.by_seed + shift,
        bounds=(low, high),
        excess=excess,
        still=combined([figure.still], [sign]),
        usual=None,
    )


def with_one_patient_more(loss: Estimate) -> Estimate:
    """Add the variance of one patient more that changed altogether, of as many as the smaller of two sites has."""
    if not _resampled(loss):
        return loss
    if _nothing_changed(loss):
        return replace(loss, still=())
    one_more = 1 / loss.units
    deviations = loss.replicates - np.nanmean(loss.replicates)
    spread = float(np.nanstd(deviations))
    if spread > 0:
        wider = deviations * math.sqrt(1 + (one_more / spread) ** 2)
    else:
        wider = np.where(np.arange(len(deviations)) % 2, one_more, -one_more)
    return replace(loss, replicates=loss.value + wider, still=())


def _resampled(loss: Estimate) -> bool:
    return not math.isnan(loss.value) and len(loss.replicates) > 0 and 1 < loss.units < math.inf


def _nothing_changed(loss: Estimate) -> bool:
    """Whether a loss is of patients with one image each, none of which changed: its interval is `unseen` wide."""
    return _resampled(loss) and not np.nanstd(loss.replicates) and loss.samples <= loss.groups
