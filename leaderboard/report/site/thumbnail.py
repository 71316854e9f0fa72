"""A small picture of a board: the ranking figure of every entry with its interval, best first, claimed ones last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....benchmark.scoring.metrics import METRICS
from ...ranking.board import Board
from ..charts import Axis, bounds, interval_ends
from .marks import mark_of

WIDTH, EDGE = 240, 8
ROW, WIDEST = 5, 16  # height of an entry, and of each of few
LOWEST, HIGHEST = 90, 170  # height of all


@dataclass(frozen=True)
class Line:
    """An entry: its mark, whether it is claimed, and positions in pixels."""

    mark: str
    claimed: bool
    y: float
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Thumbnail:
    """The size of a picture, and its entries."""

    width: int
    height: float
    rows: Sequence[Line]


def thumbnail(board: Board) -> Thumbnail | None:
    """Lay out the thumbnail of a board; None where no figure is defined."""
    figures = [(board.figure(row), row) for row in board.rows]
    drawn = [(figure, row) for figure, row in figures if figure.defined]
    if not drawn:
        return None
    sign = -1 if METRICS[board.rank_by].higher_is_better else 1
    drawn.sort(key=lambda each: (each[1].claimed, sign * each[0].value, each[1].name))
    axis = Axis(*bounds([x for figure, _ in drawn for x in figure]), EDGE, WIDTH - EDGE)
    step = min(WIDEST, min(max(ROW * len(drawn), LOWEST), HIGHEST) / len(drawn))
    lines = []
    for place, (figure, row) in enumerate(drawn):
        y = round(EDGE / 2 + (place + 0.5) * step, 1)
        ends = map(axis.at, interval_ends(figure))
        lines.append(Line(mark_of(row), row.claimed, y, axis.at(figure.value), *ends))
    return Thumbnail(WIDTH, round(EDGE + len(drawn) * step, 1), lines)
