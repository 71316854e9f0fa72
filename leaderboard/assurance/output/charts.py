"""The chart of breaking points: one row per shift, its severities in its own unit, and the sites on the same axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....benchmark.reporting.axes import scale_position
from ..breaking import Breaking
from ..images import Seen

WIDTH, LEFT, RIGHT = 460, 118, 18
ROW, TOP, BOTTOM = 31, 18, 8
MOST = 5.0  # the highest severity
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
APART = 17.0  # pixels between the letters of two sites


@dataclass(frozen=True)
class Mark:
    """A site's letter on a row: its position, whether it lies beyond the axis, and its tooltip."""

    x: float
    letter: str
    faint: bool
    label: str


@dataclass(frozen=True)
class BreakingRow:
    """One shift: positions in pixels; `point` is None where the rule does not break, `shown` where nothing is shown.

    Args:
        y: Of the row's axis.
        name: The shift.
        ticks: (x, physical value) of severities 1 to 5.
        end: Of the last tested severity.
        shown: Up to which the rule is shown to hold.
        low: Lower end of the breaking point's interval.
        high: Upper end.
        point: The breaking point.
        beyond: Whether the interval ends beyond the last tested severity.
        fails: Whether the rule fails on unshifted images.
        label: The row in words.
        sites: Where sites lie.
    """

    y: float
    name: str
    ticks: Sequence[tuple[float, str]]
    end: float
    shown: float | None
    low: float
    high: float
    point: float | None
    beyond: bool
    fails: bool
    label: str
    sites: Sequence[Mark]


@dataclass(frozen=True)
class Chart:
    """A chart of breaking points; `ticks` are (x, severity)."""

    rows: Sequence[BreakingRow]
    ticks: Sequence[tuple[float, str]]
    left: float
    right: float
    height: int


def breaking_chart(found: Sequence[Breaking], seen: Seen | None) -> Chart:
    """Lay out the breaking points of one rule."""
    ticks = [(_at(float(step)), str(step)) for step in range(int(MOST) + 1)]
    rows = [_row(number, each, seen) for number, each in enumerate(found)]
    return Chart(rows, ticks, LEFT, WIDTH - RIGHT, TOP + ROW * len(rows) + BOTTOM)


def letters(seen: Seen | None) -> dict[str, str]:
    """Return site -> its letter; after 26, letters with numbers."""
    sites = list(seen.places) if seen else []
    return {site: LETTERS[i % 26] + (str(i // 26 + 1) if i >= 26 else "") for i, site in enumerate(sites)}


def _row(number: int, found: Breaking, seen: Seen | None) -> BreakingRow:
    ladder = found.scale.ladder
    numbers = [f"{value:g}" for value in ladder[1:]] if ladder else ["1", "2", "3", "4", "5"]
    known = not math.isnan(found.point)
    return BreakingRow(
        y=TOP + ROW * number + 12.0,
        name=found.scale.shift,
        ticks=[(_at(step), text) for step, text in enumerate(numbers, 1)],
        end=_at(found.last),
        shown=None if math.isnan(found.shown) or found.shown <= 0 else _at(found.shown),
        low=_at(found.low),
        high=_at(found.high),
        point=_at(found.point) if known and not found.holds_throughout else None,
        beyond=found.high >= found.last,
        fails=found.fails_unshifted,
        label=f"{found.scale.shift}: shown to hold up to {found.shown_text}; breaks at {found.point_text}",
        sites=_sites(found, seen),
    )


def _sites(found: Breaking, seen: Seen | None) -> list[Mark]:
    """Place letters, the later ones moved right where they would cover each other."""
    if seen is None:
        return []
    own: Mapping[str, str] = letters(seen)
    at = [
        (_at(place.severity), own[site], place.mixed, f"{site}: severity {place.text}")
        for site, places in seen.places.items()
        if (place := places.get(found.scale.shift)) is not None
    ]
    marks: list[Mark] = []
    for x, letter, faint, label in sorted(at):
        x = max(x, marks[-1].x + APART) if marks else x
        marks.append(Mark(round(x, 1), letter, faint, label + (", measures contradict each other" if faint else "")))
    return marks


def _at(severity: float) -> float:
    return scale_position(severity, 0.0, MOST, LEFT, WIDTH - RIGHT)
