"""Where things stand in the page's charts; the template draws them as SVG, in the colours of the reader's theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, LEFT, RIGHT = 360, 160, 14
ROW, TOP, BOTTOM = 20, 6, 22
HEIGHT = 220  # of a chart of curves
NARROW = 44  # left of it
STYLES = 8  # colours that can be told apart
LETTERS = 18  # of a row's name that fit


@dataclass(frozen=True)
class Mark:
    """A figure in a row: its place in pixels, the ends of its interval, its style, what a pointer there is told."""

    x: float
    x0: float
    x1: float
    style: int
    label: str
    small: bool = False


@dataclass(frozen=True)
class Rows:
    """A chart with a row for each name.

    Args:
        title: Above it.
        note: Below the title.
        names: (y, name, whole name) of each row.
        marks: (y, mark).
        ticks: (x, label) of the axis.
        zero: Where a line is drawn through all rows; None for none.
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
    """A chart of curves: (style, `x,y x,y ...`), ticks of both axes and their labels."""

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
    """Returns a chart with a row for each entry.

    Args:
        title: Above it.
        entries: (name, marks), a mark being (value, low, high, style, label, small).
        ends: Of the axis; about all figures by default.
        zero: A value through which a line is drawn.
        note: Below the title.
        every: Distance of the axis' ticks; round numbers by default.
    """
    numbers = [x for _, marks in entries for mark in marks for x in mark[:3] if not math.isnan(x)]
    low, high = ends or bounds(numbers)

    def at(value: float) -> float:
        return scale_position(value, low, high, LEFT, WIDTH - RIGHT)

    names, marks = [], []
    for number, (name, mine) in enumerate(entries):
        y = TOP + ROW * (number + 0.5)
        names.append((y, name if len(name) <= LETTERS else name[: LETTERS - 1] + "…", name))
        for value, first, last, style, label, small in mine:
            if not math.isnan(value):
                first, last = (value if math.isnan(end) else end for end in (first, last))
                marks.append((y, Mark(at(value), at(first), at(last), style % STYLES, label, small)))
    height = TOP + ROW * len(entries) + BOTTOM
    return Rows(title, note, names, marks, ticks(low, high, at, every), None if zero is None else at(zero), height)


def curves(title: str, across: str, down: str, lines: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Curves:
    """Returns a chart of one curve a domain: (xs, ys) each."""
    x0, x1 = bounds([x for xs, _ in lines for x in xs])
    y0, y1 = bounds([y for _, ys in lines for y in ys])

    def x_at(value: float) -> float:
        return scale_position(value, x0, x1, NARROW, WIDTH - RIGHT)

    def y_at(value: float) -> float:
        return scale_position(value, y0, y1, HEIGHT - 36, 10)

    drawn = [
        (number % STYLES, " ".join(f"{x_at(x)},{y_at(y)}" for x, y in zip(*line, strict=True)))
        for number, line in enumerate(lines)
    ]
    return Curves(title, across, down, drawn, ticks(x0, x1, x_at), ticks(y0, y1, y_at))


def scale_position(value: float, low: float, high: float, start: float, end: float) -> float:
    """Returns where a value stands between two pixels, held within them, in tenths of a pixel."""
    share = (min(max(value, low), high) - low) / (high - low)
    return round(start + share * (end - start), 1)


def bounds(numbers: Sequence[float]) -> tuple[float, float]:
    """Returns round bounds about numbers."""
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    step = _step(max(high - low, 1e-3))
    first = step * math.floor(low / step + 1e-9)
    return first, max(step * math.ceil(high / step - 1e-9), first + step)


def ticks(low: float, high: float, at: Callable[[float], float], every: float | None = None) -> list[tuple[float, str]]:
    """Returns two to five marks at round values."""
    step = every or _step(high - low)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(at(n * step), f"{n * step:.{digits}f}") for n in range(first, last + 1)]


def _step(span: float) -> float:
    """Returns a round step (1, 2 or 5 times a power of ten) that divides a span in two to five."""
    power = 10.0 ** math.floor(math.log10(span / 2))
    return next(power * m for m in (5, 2, 1) if span / (power * m) >= 2 - 1e-9)
