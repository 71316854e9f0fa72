"""Geometry of the page's charts; the template draws them as SVG, in the colours of the reader's theme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...benchmark.protocols.condition import Condition
from ...benchmark.protocols.protocol import Protocol
from ...benchmark.reporting import axes
from ..analysis.accuracy_line import Line
from ..analysis.approach import by_approach
from ..entries.figures import Figure
from ..ranking.board import Board, Row

MOST = 8  # entries in colour: as many as there are distinguishable colours
MILDEST = 0.01  # lowest severity that matching tries
WIDTH, HEIGHT = 320, 240
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 36


@dataclass(frozen=True)
class Point:
    """A figure with its intervals in pixels: `x0`..`x1` across, `y0`..`y1` down; `style` selects colour and marker."""

    style: int
    x: float
    y: float
    x0: float
    x1: float
    y0: float
    y1: float
    label: str


@dataclass(frozen=True)
class Chart:
    """One chart.

    Args:
        title: Title above the chart.
        across: Label of the horizontal axis.
        down: Label of the vertical axis.
        xs: (x, label) of the horizontal ticks.
        ys: (y, label) of the vertical ticks.
        points: Markers.
        lines: (style, `x,y x,y ...`) of each curve.
        diagonal: x and y of both ends of the line of no drop, in pixels; empty for none.
    """

    title: str
    across: str
    down: str
    xs: Sequence[tuple[float, str]]
    ys: Sequence[tuple[float, str]]
    points: Sequence[Point]
    lines: Sequence[tuple[int, str]] = ()
    diagonal: tuple[float, ...] = ()


@dataclass(frozen=True)
class Axis:
    """A linear axis from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Convert a value to its position, clipped to the axis, in tenths of a pixel."""
        return axes.scale_position(value, self.low, self.high, self.start, self.end)

    def ticks(self) -> list[tuple[float, str]]:
        """Place ticks at the ends of three to six round steps."""
        return axes.ticks(self.low, self.high, self.at, _step(self.high - self.low))


def drawn_rows(board: Board) -> list[Row]:
    """Select the entries that the charts show in colour, in the order of the table.

    These are the best of each approach, which the board is about, then the best of each access level, rank by rank, and
    where places are left, the best of those without a rank.
    """
    if len(board.rows) <= MOST:
        return list(board.rows)
    chosen = [min(rows, key=lambda row: row.rank or 0) for rows in by_approach(board.rows).values()]
    chosen += [row for row in board.best_first() if row not in chosen][: MOST - len(chosen)]
    return [row for row in board.rows if row in chosen]


def against_clean(board: Board, name: str, title: str, line: Line | None) -> Chart | None:
    """Plot every entry's figure `name` against clean, with the line; None if no figure is defined.

    The best entries have colours and intervals, all others are grey points.
    """
    styles = {row.name: style for style, row in enumerate(drawn_rows(board))}
    figures = []
    for row in board.rows:
        if name in row.aggregates:
            clean, shifted = row.aggregates["clean", board.rank_by], row.aggregates[name, board.rank_by]
            if clean.defined and shifted.defined:
                figures.append((styles.get(row.name, MOST), row.name, clean, shifted))
    if not figures:
        return None
    numbers = [x for style, _, *pair in figures for part in pair for x in (part if style < MOST else part[:1])]
    low, high = _range(numbers)
    across, down = Axis(low, high, LEFT, WIDTH - RIGHT), Axis(low, high, HEIGHT - BOTTOM, TOP)
    points = [_point(*figure, across, down) for figure in sorted(figures, key=lambda figure: -figure[0])]
    ends = (across.at(low), down.at(low), across.at(high), down.at(high))
    fitted = []
    if line is not None:
        grid = [low + (high - low) * step / 40 for step in range(41)]
        inside = [(x, line.at(x)) for x in grid if low <= line.at(x) <= high]
        fitted = [(MOST, " ".join(f"{across.at(x)},{down.at(y)}" for x, y in inside))]
    return Chart(
        f"{name} against clean",
        f"{title}, clean",
        f"{title}, {name}",
        across.ticks(),
        down.ticks(),
        points,
        fitted,
        ends,
    )


def _point(style: int, name: str, clean: Figure, shifted: Figure, across: Axis, down: Axis) -> Point:
    (x0, x1), (y0, y1) = map(interval_ends, (clean, shifted))
    if style == MOST:
        x0 = x1 = clean.value
        y0 = y1 = shifted.value
    return Point(
        style,
        across.at(clean.value),
        down.at(shifted.value),
        across.at(x0),
        across.at(x1),
        down.at(y0),
        down.at(y1),
        f"{name}: clean {clean.text}, shifted {shifted.text}",
    )


def severity_curves(board: Board, title: str) -> list[Chart]:
    """Plot one chart per family: the mean over its shifts at each severity, starting from clean (0)."""
    conditions = board.protocol.conditions()
    families = list(dict.fromkeys(board.protocol.shifts.values()))
    curves = {
        (family, style): _curve(row, board, [c for c in conditions if c.family == family])
        for family in families
        for style, row in enumerate(drawn_rows(board))
    }
    numbers = [value for curve in curves.values() for _, value in curve]
    if not numbers:
        return []
    low, high = _range(numbers)
    marks = (0, *sorted(board.protocol.severities))
    across, down = Axis(0, marks[-1], LEFT + 8, WIDTH - RIGHT), Axis(low, high, HEIGHT - BOTTOM, TOP)
    xs = [(across.at(step), str(step) if step else "clean") for step in marks]
    charts = []
    for family in families:
        points, lines = [], []
        for style, row in enumerate(drawn_rows(board)):
            curve = curves[family, style]
            at = [(across.at(step), down.at(value)) for step, value in curve]
            lines.append((style, " ".join(f"{x},{y}" for x, y in at)))
            points += [
                Point(style, x, y, x, x, y, y, f"{row.name}: {value:.3f} at {step or 'clean'}")
                for (x, y), (step, value) in zip(at, curve, strict=True)
            ]
        charts.append(Chart(family, "severity", title, xs, down.ticks(), points, lines))
    return charts


def _curve(row: Row, board: Board, conditions: Sequence[Condition]) -> list[tuple[int, float]]:
    """Compute (severity, mean over the shifts) pairs, with the clean figure at 0 and without undefined ones."""
    by_severity: dict[int, list[float]] = {0: [row.aggregates["clean", board.rank_by].value]}
    shifts: dict[str, list[Condition]] = {}
    for condition in conditions:
        shifts.setdefault(condition.shift, []).append(condition)
    for members in shifts.values():
        for step, condition in zip(steps([c.severity for c in members], board.protocol), members, strict=True):
            by_severity.setdefault(step, []).append(row.conditions[condition.key, board.rank_by].value)
    defined = {step: [x for x in values if not math.isnan(x)] for step, values in sorted(by_severity.items())}
    return [(step, sum(values) / len(values)) for step, values in defined.items() if values]


def steps(severities: Sequence[float], protocol: Protocol) -> tuple[int, ...]:
    """Map the severities of a shift's conditions to steps on the axis.

    A matched severity is placed at the step whose similarity it meets, not at its value on the physical scale. A shift
    that cannot be as mild as requested has its mildest severity once and lacks the steps before it; one that cannot be
    as strong lacks those after.
    """
    if not protocol.matched:
        return tuple(round(severity) for severity in severities)
    if severities[0] <= MILDEST:
        return protocol.severities[len(protocol.severities) - len(severities) :]
    return protocol.severities[: len(severities)]


def bounds(numbers: Sequence[float]) -> tuple[float, float]:
    """Find round bounds of numbers, ignoring NaN; 0 and 1 if all are NaN."""
    return _range(numbers) if any(not math.isnan(number) for number in numbers) else (0.0, 1.0)


def _range(numbers: Sequence[float]) -> tuple[float, float]:
    """Find round bounds of numbers, ignoring NaN; at least one must be defined."""
    defined = [number for number in numbers if not math.isnan(number)]
    low, high = min(defined), max(defined)
    step = _step(max(high - low, 0.02))
    return step * math.floor(low / step + 1e-9), max(
        step * math.ceil(high / step - 1e-9), step * (math.floor(low / step) + 1)
    )


def _step(span: float) -> float:
    """Find a round step (1, 2 or 5 times a power of ten) that divides a span into three to six."""
    power = 10.0 ** math.floor(math.log10(span / 3))
    return next(power * m for m in (5, 2, 1) if span / (power * m) >= 3 - 1e-9)


def interval_ends(figure: Figure) -> tuple[float, float]:
    """Return both ends of an interval; the figure itself where it has none."""
    return (figure.value, figure.value) if math.isnan(figure.low) else (figure.low, figure.high)
