"""The picture of a board: clean and shifted of every entry with intervals, in colour and shape by approach.

Positions are percentages of the width, so that the same drawing fits a desk and a phone and its text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ....benchmark.reporting.numbers import format_decimal
from ....benchmark.scoring.metrics import METRICS
from ...analysis.approach import approach_title
from ...entries.figures import NOTHING, Figure
from ...ranking.board import Board, Row
from ..charts import Axis, bounds, interval_ends
from .marks import MARKS, OTHER, mark_of, title_of

START, END = 2.0, 98.0  # of the axis: marks at its ends are not cut
FIGURES = ("clean", "shifted")


@dataclass(frozen=True)
class Span:
    """A figure and its interval: positions in percent, and as text."""

    at: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Dots:
    """An entry of the picture.

    Args:
        name: Of the entry.
        number: Its place in the table, by which its panel is addressed.
        mark: Colour and shape.
        approach: In words.
        sees: Access level.
        tier: 0 if it is not ranked.
        claimed: Whether nobody has run it again, where that is kept count of.
        spans: The figures that are defined, by name.
        drop: As text; empty if undefined.
    """

    name: str
    number: int
    mark: str
    approach: str
    sees: str
    tier: int
    claimed: bool
    spans: Mapping[str, Span]
    drop: str


@dataclass(frozen=True)
class Picture:
    """The picture.

    Args:
        ticks: (position in percent, label) along the axis.
        chance: Position of guessing in percent; None where it is off the axis or the metric has none.
        groups: Access level -> (tier, entries) in order; the level with the best entry comes first, and claimed
            entries come last, under an empty name.
        legend: (mark, approach) of those that occur.
        figures: Which of clean and shifted are drawn.
        better: Where the better figures are: `right` or `left`.
    """

    ticks: Sequence[tuple[float, str]]
    chance: float | None
    groups: Mapping[str, Sequence[tuple[int, Sequence[Dots]]]]
    legend: Sequence[tuple[str, str]]
    figures: Sequence[str]
    better: str


def picture(board: Board) -> Picture | None:
    """Lay out the picture of a board; None where no figure is defined."""
    names = [name for name in FIGURES if board.rows and name in board.rows[0].aggregates]
    found = {row.name: {name: row.aggregates[name, board.rank_by] for name in names} for row in board.rows}
    numbers = [x for figures in found.values() for figure in figures.values() for x in figure if not math.isnan(x)]
    if not numbers:
        return None
    low, high = bounds(numbers)
    axis = Axis(low, high, START, END)
    metric = METRICS[board.rank_by]
    drops = {row.name: row.aggregates["drop", board.rank_by] for row in board.rows if "drop" in row.aggregates}
    dots = {
        row.name: _dots(row, number, found[row.name], drops.get(row.name, NOTHING), axis)
        for number, row in enumerate(board.rows)
    }
    order = sorted(board.groups().items(), key=lambda each: (each[0] == "", _leader(board, each[1])))
    groups: dict[str, list[tuple[int, list[Dots]]]] = {
        sees: [(tier, [dots[row.name] for row in members]) for tier, members in groupby(rows, key=lambda row: row.tier)]
        for sees, rows in order
    }
    used = {each.mark for each in dots.values()}
    guess = metric.chance(len(board.protocol.dataset.classes)) if metric.chance else None
    return Picture(
        ticks=axis.ticks(),
        chance=axis.at(guess) if guess is not None and low <= guess <= high else None,
        groups=groups,
        legend=[(mark, title_of(mark)) for mark in (*MARKS.values(), OTHER) if mark in used],
        figures=names,
        better="right" if metric.higher_is_better else "left",
    )


def _leader(board: Board, rows: Sequence[Row]) -> float:
    """Sort access levels by their best entry."""
    value = board.figure(rows[0]).value
    if math.isnan(value):
        return math.inf
    return -value if METRICS[board.rank_by].higher_is_better else value


def _dots(row: Row, number: int, figures: Mapping[str, Figure], lost: Figure, axis: Axis) -> Dots:
    spans = {
        name: Span(axis.at(figure.value), axis.at(low), axis.at(high), figure.text)
        for name, figure in figures.items()
        if figure.defined
        for low, high in [interval_ends(figure)]
    }
    drop = format_decimal(lost.value) if len(spans) == len(FIGURES) else ""
    mark = mark_of(row)
    kind = approach_title(row) or title_of(mark)
    return Dots(row.name, number, mark, kind, row.sees, row.tier, row.claimed, spans, drop)
