"""Chart geometry: positions in pixels, which templates draw as SVG in the colours of the reader's theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, LEFT, RIGHT = 360, 160, 14
ROW, TOP, BOTTOM = 20, 6, 22
HEIGHT = 220  # height of a chart of curves
NARROW = 44  # left margin of a chart of curves
STYLES = 8  # distinguishable colours
LETTERS = 18  # characters of a row's name that fit


@dataclass(frozen=True)
class Mark:
    """A value in a row: its position and that of its interval's ends in pixels, its style and its tooltip."""

    x: float
    x0: float
    x1: float
    style: int
    label: str
    small: bool = False


@dataclass(frozen=True)
class Rows:
    """A chart with one row per name.

    Args:
        title: Above the chart.
        note: Below the title.
        names: (y, shortened name, full name) of each row.
        marks: (y, mark).
        ticks: (x, label) along the axis.
        zero: x of a vertical line through all rows; None for none.
        height: In pixels.
    """

    title: str
    note: str
    names: Sequence[tuple[float, str, str]]
    marks: Sequence[tuple[float, Mark]]
    ticks: Sequence[tuple[float, str]]
    zero: float | None
    height: int


@dataclass(frozen=True)
class Curves:
    """A chart of curves: (style, `x,y x,y ...`) each, both axis titles (`across`, `down`) and ticks."""

    title: str
    across: str
    down: str
    lines: Sequence[tuple[int, str]]
    xs: Sequence[tuple[float, str]]
    ys: Sequence[tuple[float, str]]


def rows(
    title: str,
    entries: Sequence[tuple[str, Sequence[tuple[float, float, float, int, str, bool]]]],
    ends: tuple[float, float] | None = None,
    zero: float | None = None,
    note: str = "",
    every: float | None = None,
) -> Rows:
    """Lay out a chart with one row per entry.

    Args:
        title: Above the chart.
        entries: (name, marks), a mark being (value, low, high, style, label, small).
        ends: Range of the axis; rounded around all values by default.
        zero: A value at which a vertical line is drawn.
        note: Below the title.
        every: Distance between ticks; a round number by default.
    """
    numbers = [x for _, marks in entries for mark in marks for x in mark[:3] if not math.isnan(x)]
    low, high = ends or bounds(numbers)

    def at(value: float) -> float:
        return scale_position(value, low, high, LEFT, WIDTH - RIGHT)

    names, marks = [], []
    for number, (name, values) in enumerate(entries):
        y = TOP + ROW * (number + 0.5)
        names.append((y, name if len(name) <= LETTERS else name[: LETTERS - 1] + "…", name))
        for value, first, last, style, label, small in values:
            if not math.isnan(value):
                first, last = (value if math.isnan(end) else end for end in (first, last))
                marks.append((y, Mark(at(value), at(first), at(last), style % STYLES, label, small)))
    height = TOP + ROW * len(entries) + BOTTOM
    return Rows(title, note, names, marks, ticks(low, high, at, every), None if zero is None else at(zero), height)


def curves(title: str, across: str, down: str, lines: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Curves:
    """Lay out a chart of curves, (xs, ys) each."""
    x0, x1 = bounds([x for xs, _ in lines for x in xs])
    y0, y1 = bounds([y for _, ys in lines for y in ys])

    def x_at(value: float) -> float:
        return scale_position(value, x0, x1, NARROW, WIDTH - RIGHT)

    def y_at(value: float) -> float:
        return scale_position(value, y0, y1, HEIGHT - 36, 10)

    paths = [
        (number % STYLES, " ".join(f"{x_at(x)},{y_at(y)}" for x, y in zip(*line, strict=True)))
        for number, line in enumerate(lines)
    ]
    return Curves(title, across, down, paths, ticks(x0, x1, x_at), ticks(y0, y1, y_at))


def scale_position(value: float, low: float, high: float, start: float, end: float) -> float:
    """Map a value from [low, high] to a pixel position between start and end, clipped and rounded to 0.1."""
    share = (min(max(value, low), high) - low) / (high - low)
    return round(start + share * (end - start), 1)


def bounds(numbers: Sequence[float]) -> tuple[float, float]:
    """Return round bounds that enclose numbers."""
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    step = _step(max(high - low, 1e-3))
    first = step * math.floor(low / step + 1e-9)
    return first, max(step * math.ceil(high / step - 1e-9), first + step)


def ticks(low: float, high: float, at: Callable[[float], float], every: float | None = None) -> list[tuple[float, str]]:
    """Return (position, label) of two to five ticks at round values."""
    step = every or _step(high - low)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(at(n * step), f"{n * step:.{digits}f}") for n in range(first, last + 1)]


def _step(span: float) -> float:
    """Return a round step (1, 2 or 5 times a power of ten) that divides a span into two to five parts."""
    power = 10.0 ** math.floor(math.log10(span / 2))
    return next(power * m for m in (5, 2, 1) if span / (power * m) >= 2 - 1e-9)
