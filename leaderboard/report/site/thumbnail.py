"""A small picture of a board: the ranking figure of every entry with its interval, best first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ....benchmark.scoring.metrics import METRICS
from ...ranking.board import Board
from ..charts import Axis, bounds
from .picture import mark_of

WIDTH, EDGE = 240, 8
ROW, WIDEST = 5, 16  # height of an entry, and of each of few
LOWEST, HIGHEST = 90, 170  # height of all


@dataclass(frozen=True)
class Line:
    """An entry: its mark, and positions in pixels."""

    mark: str
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
    figures = [(row.aggregates[board.ranked_figure, board.rank_by], row) for row in board.rows]
    drawn = [(figure, row) for figure, row in figures if figure.defined]
    if not drawn:
        return None
    sign = -1 if METRICS[board.rank_by].higher_is_better else 1
    drawn.sort(key=lambda each: (sign * each[0].value, each[1].name))
    axis = Axis(*bounds([x for figure, _ in drawn for x in figure]), EDGE, WIDTH - EDGE)
    step = min(WIDEST, min(max(ROW * len(drawn), LOWEST), HIGHEST) / len(drawn))
    lines = []
    for place, (figure, row) in enumerate(drawn):
        low, high = (figure.value if math.isnan(end) else end for end in (figure.low, figure.high))
        y = round(EDGE / 2 + (place + 0.5) * step, 1)
        lines.append(Line(mark_of(row), y, axis.at(figure.value), axis.at(low), axis.at(high)))
    return Thumbnail(WIDTH, round(EDGE + len(drawn) * step, 1), lines)
