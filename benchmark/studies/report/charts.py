"""Geometry of a study's figures; templates draw them as SVG, as the leaderboard's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ....leaderboard.report import charts
from ....leaderboard.report.charts import Axis, Chart
from ...reporting.numbers import format_decimal
from ..findings import Curve, Drawing, Point

STYLES = 8  # distinguishable colours
ASIDE = 2.5  # pixels between the markers of two curves at the same place
MARGIN = 12  # pixels between the ends of the axis and the first and last place
SIZE = (charts.WIDTH, charts.HEIGHT)
FRAME = (charts.LEFT, charts.TOP, charts.WIDTH - charts.RIGHT, charts.HEIGHT - charts.BOTTOM)


def styles(drawings: Sequence[Drawing]) -> dict[str, int]:
    """Give every name of a curve a style, the same in all figures."""
    names = dict.fromkeys(curve.name for drawing in drawings for curve in drawing.curves)
    return {name: place % STYLES for place, name in enumerate(names)}


def chart(drawing: Drawing, style: Mapping[str, int]) -> Chart:
    """Lay out a figure of curves with intervals."""
    given = [point for curve in drawing.curves for point in curve.points]
    down = _down([end for point in given for end in (point.value, point.low, point.high)])
    places = [point.x for curve in drawing.curves if not curve.level for point in curve.points]
    across = _Across([*places, *(x for x, _ in drawing.ticks)], log=drawing.log)
    points: list[charts.Point] = []
    lines: list[tuple[int, str]] = []
    for number, curve in enumerate(drawing.curves):
        aside = ASIDE * (number - (len(drawing.curves) - 1) / 2)
        if curve.level:
            made, path = _level(curve, down, style[curve.name])
        else:
            shown = [point for point in curve.points if not math.isnan(point.value)]
            at = [(round(across.at(point.x) + aside, 1), down.at(point.value)) for point in shown]
            path = " ".join(f"{x},{y}" for x, y in at)
            made = [_point(curve, point, x, down, style[curve.name]) for point, (x, _) in zip(shown, at, strict=True)]
        points += made
        lines.append((style[curve.name], path))
    ticks = [(across.at(x), label) for x, label in drawing.ticks] or across.ticks()
    return Chart(drawing.title, drawing.across, drawing.down, _apart(ticks), down.ticks(), points, lines)


class _Across:
    """The horizontal axis: places to pixels, on a linear or logarithmic scale."""

    def __init__(self, places: Sequence[float], *, log: bool) -> None:
        self._log = log
        moved = [self._moved(place) for place in places] or [0.0]
        low, high = min(moved), max(moved)
        if low == high:
            low, high = low - 0.5, high + 0.5
        self._axis = Axis(low, high, charts.LEFT + MARGIN, charts.WIDTH - charts.RIGHT - MARGIN)

    def at(self, place: float) -> float:
        return self._axis.at(self._moved(place))

    def ticks(self) -> list[tuple[float, str]]:
        return self._axis.ticks()

    def _moved(self, place: float) -> float:
        return math.log10(place) if self._log else place


def _down(numbers: Sequence[float]) -> Axis:
    low, high = charts.bounds(numbers)
    return Axis(low, high, charts.HEIGHT - charts.BOTTOM, charts.TOP)


def _level(curve: Curve, down: Axis, style: int) -> tuple[list[charts.Point], str]:
    """Draw a line over the whole axis, with its marker and interval at the right end."""
    point = curve.points[0]
    right = charts.WIDTH - charts.RIGHT
    y = down.at(point.value)
    return [_point(curve, point, right - 4, down, style)], f"{charts.LEFT},{y} {right},{y}"


def _point(curve: Curve, point: Point, x: float, down: Axis, style: int) -> charts.Point:
    low, high = (point.value if math.isnan(end) else end for end in (point.low, point.high))
    digits = 0 if abs(point.value) >= 10 else 3
    text = format_decimal(point.value, digits)
    interval = "" if math.isnan(point.low) else f" [{format_decimal(low, digits)}, {format_decimal(high, digits)}]"
    return charts.Point(
        style, x, down.at(point.value), x, x, down.at(low), down.at(high), f"{curve.name}: {text}{interval}"
    )


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Leave out labels that would overlap the one before."""
    kept: list[tuple[float, str]] = []
    for x, label in ticks:
        width = 6.5 * (len(label) + (len(kept[-1][1]) if kept else 0)) / 2
        if not kept or x - kept[-1][0] > width:
            kept.append((x, label))
    return kept
