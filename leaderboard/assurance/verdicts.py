"""Verdicts: each criterion is met, not met or not shown, by one-sided bounds of 95 %.

A criterion that must hold in several places is met if it is shown in each: the error is then at most 5 % without a
correction (intersection-union test; Berger 1982, Technometrics 24). It is not met if it is shown to fail in one of
them: the first of several would be found by luck more often than that, so the 5 % are shared among the places
(Bonferroni). Otherwise it is not shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...benchmark.files.wording import plural
from ...benchmark.protocols.condition import Condition
from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.severity.physical_scale import scale
from .breaking import severities_of
from .criteria.criterion import EVERY, OTHER, Criterion
from .criteria.suited import end_of
from .entry.scores import EntryScores
from .margins import TAIL, Margin, as_figure, bounds, margins

State = Literal["met", "not met", "not shown"]
NEAR = 1e-9  # of severities and bounds, as rounding leaves them


@dataclass(frozen=True)
class Check:
    """A criterion in one place.

    Args:
        place: The place as printed.
        condition: Key of the condition; empty where two are interpolated.
        value: The figure; NaN if undefined.
        bound: Its one-sided bound on the worse side.
        state: The verdict of this place alone.
        samples: Number of images.
        groups: Number of patients.
    """

    place: str
    condition: str
    value: float
    bound: float
    state: State
    samples: int
    groups: int


@dataclass(frozen=True)
class Verdict:
    """The verdict on one criterion.

    Args:
        criterion: The criterion.
        state: The verdict.
        checks: One per place, the least certain first.
        why: What it rests on, in one sentence.
    """

    criterion: Criterion
    state: State
    checks: Sequence[Check]
    why: str


def judge(scores: EntryScores, criterion: Criterion) -> Verdict:
    """Judge one criterion, which suits the protocol (`suited.require_suited`)."""
    untested = ""
    if criterion.shift:
        checks, untested = _under_shift(scores, criterion)
    else:
        found = margins(scores, criterion.rule, _places(scores, criterion))
        names = [f"{m.condition.domain} (the classes it has)" if m.partial else m.condition.domain for m in found]
        checks = _checks(criterion, found, names)
    checks = sorted(checks, key=lambda check: _certainty(criterion, check))
    states = [check.state for check in checks]
    state: State = "not shown"
    if "not met" in states:
        state = "not met"
    elif states and not untested and all(each == "met" for each in states):
        state = "met"
    return Verdict(criterion, state, checks, _why(criterion, state, checks, untested))


def _places(scores: EntryScores, criterion: Criterion) -> list[Condition]:
    if criterion.sites in ((EVERY,), (OTHER,)):
        own = criterion.sites == (EVERY,) and criterion.rule.limit != "loses_at_most"
        return [c for c in scores.sites if own or c.kind == "real"]
    return [c for c in scores.sites if c.domain in criterion.sites]


def _checks(criterion: Criterion, found: Sequence[Margin], places: Sequence[str]) -> list[Check]:
    """Judge each place."""
    narrow, shared = bounds(found), bounds(found, TAIL / max(1, len(found)))
    checks = []
    for each, place, (low, _), (_, high) in zip(found, places, narrow, shared, strict=True):
        state: State = "met" if low >= -NEAR else "not met" if high < -NEAR else "not shown"
        figure, bound = each.figure, as_figure(criterion.rule, low)
        checks.append(Check(place, each.condition.key, figure.value, bound, state, figure.samples, figure.groups))
    return checks


def _under_shift(scores: EntryScores, criterion: Criterion) -> tuple[list[Check], str]:
    """Judge a shift's severities up to the criterion's; also return why there is none beyond them, or nothing."""
    end, along = end_of(criterion), scale(criterion.shift)
    tested = severities_of(scores.protocol, criterion.shift)
    within = [c for c in tested if c.severity <= end + NEAR]
    beyond = [c for c in tested if c.severity > end + NEAR]
    used = [scores.clean, *within, *beyond[:1]]
    found = margins(scores, criterion.rule, used)
    first = 1 if criterion.rule.limit == "loses_at_most" else 0  # unshifted, nothing is lost
    judged = found[first : 1 + len(within)]
    names = [along.text(c.severity) if c.shift else "unshifted" for c in (each.condition for each in judged)]
    checks = _checks(criterion, judged, names) if judged else []
    reached = within[-1].severity if within else 0.0
    if end <= reached + NEAR:
        return checks, ""
    if not beyond:
        return checks, f"severities were tested up to {along.text(reached) if within else 'none'} only"
    between = _interpolated(criterion, found[len(within) : len(within) + 2], end, along.text(end))
    return [*checks, between], ""


def _interpolated(criterion: Criterion, pair: Sequence[Margin], end: float, place: str) -> Check:
    """Judge a severity between two tested ones, by their interpolated figures and bounds."""
    left, right = pair
    share = (end - left.condition.severity) / (right.condition.severity - left.condition.severity)
    (a, _), (b, _) = bounds(pair)
    low = a * (1 - share) + b * share
    value = left.figure.value * (1 - share) + right.figure.value * share
    state: State = "met" if low >= -NEAR else "not shown"
    size = right.figure
    return Check(f"{place} (interpolated)", "", value, as_figure(criterion.rule, low), state, size.samples, size.groups)


def _certainty(criterion: Criterion, check: Check) -> float:
    """Order checks of one criterion: the worst bound first."""
    if math.isnan(check.bound):
        return -math.inf
    return -check.bound if criterion.rule.lower_figure_is_better else check.bound


def _why(criterion: Criterion, state: State, checks: Sequence[Check], untested: str) -> str:
    """Say what a verdict rests on."""
    limit = format_decimal(criterion.rule.value)
    places = plural(len(checks), "place")
    if state == "met":
        return f"shown in {'the one place' if len(checks) == 1 else f'each of {places}'}, by one-sided bounds"
    failed = [check for check in checks if check.state == "not met"]
    if failed:
        listed = "; ".join(f"{check.place}: {format_decimal(check.value)}" for check in failed[:3])
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        return f"shown to miss {limit} in {len(failed)} of {places}: {listed}{more}"
    if untested:
        return untested
    undefined = [check.place for check in checks if math.isnan(check.bound)]
    if undefined:
        return f"without a bound at {', '.join(undefined[:3])}: too few patients, or one class only"
    worst = checks[0]
    number = sum(check.state == "not shown" for check in checks)
    return (
        f"not shown in {number} of {places}; least certain at {worst.place}: {format_decimal(worst.value)}, bound "
        f"{format_decimal(worst.bound)}"
    )
