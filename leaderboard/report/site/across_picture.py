"""The picture of a page over boards: the rank of every shared entry on each board, and the mean over the boards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from ....benchmark.contract.sees import Sees
from ...analysis.approach import approach_title
from ...ranking.across import Across, SharedEntry
from ..charts import Axis
from .marks import MARKS, OTHER, mark_of, title_of

START, END = 8.0, 94.0  # of the axis, in percent: letters of the boards stand before it
LANE, EDGE = 15, 5  # pixels for each board, and above and below all


@dataclass(frozen=True)
class Lane:
    """The rank on one board: positions in percent, height in pixels, and as text."""

    letter: str
    y: float
    at: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class RankRow:
    """An entry of the picture.

    Args:
        name: Of the entry.
        number: Its place in the table, by which its row is addressed.
        mark: Colour and shape.
        approach: In words.
        mean: Position of its mean rank and of the ends of its interval, in percent.
        mean_text: As text.
        lanes: One for each board, in their order.
    """

    name: str
    number: int
    mark: str
    approach: str
    mean: tuple[float, float, float]
    mean_text: str
    lanes: Sequence[Lane]


@dataclass(frozen=True)
class RankPicture:
    """The picture.

    Args:
        ticks: (position in percent, rank) along the axis.
        groups: Access level -> its entries by mean rank.
        boards: (letter, name) of each board.
        legend: (mark, approach) of those that occur.
        height: Of a row, in pixels.
    """

    ticks: Sequence[tuple[float, str]]
    groups: Mapping[Sees, Sequence[RankRow]]
    boards: Sequence[tuple[str, str]]
    legend: Sequence[tuple[str, str]]
    height: int


def rank_picture(found: Across) -> RankPicture | None:
    """Lay out the picture; None where no entry has a rank on every board."""
    groups = found.by_sees()
    if not groups:
        return None
    last = max(map(len, groups.values()))
    axis = Axis(1, max(last, 2), START, END)
    step = max(1, -(-(last - 1) // 8))
    rows = {
        sees: [_row(entry, found, axis, found.ranked.index(entry)) for entry in members]
        for sees, members in groups.items()
    }
    used = {row.mark for members in rows.values() for row in members}
    return RankPicture(
        ticks=[(axis.at(rank), str(rank)) for rank in range(1, max(last, 2) + 1, step)],
        groups=rows,
        boards=[*zip(letters(len(found.names)), found.names, strict=True)],
        legend=[(mark, title_of(mark)) for mark in (*MARKS.values(), OTHER) if mark in used],
        height=LANE * len(found.boards) + 2 * EDGE,
    )


def letters(count: int) -> list[str]:
    """Name boards by letters, and beyond these by numbers."""
    return [ascii_uppercase[place] if place < len(ascii_uppercase) else str(place + 1) for place in range(count)]


def mean_text(entry: SharedEntry) -> str:
    """Format a mean rank and its interval: `1.7 (1.3 to 2.0)`."""
    value, low, high = entry.mean
    return f"{value:.1f}" + ("" if math.isnan(low) else f" ({low:.1f} to {high:.1f})")


def _row(entry: SharedEntry, found: Across, axis: Axis, number: int) -> RankRow:
    lanes = []
    for place, (letter, board) in enumerate(zip(letters(len(found.names)), found.names, strict=True)):
        rank, low, high = entry.ranks[board]
        y = EDGE + LANE * (place + 0.5)
        lanes.append(Lane(letter, y, axis.at(rank), axis.at(low), axis.at(high), f"{board} {rank} ({low} to {high})"))
    value, low_mean, high_mean = entry.mean
    low_mean, high_mean = (value, value) if math.isnan(low_mean) else (low_mean, high_mean)
    row = next(iter(entry.rows.values()))
    mark = mark_of(row)
    return RankRow(
        entry.name,
        number,
        mark,
        approach_title(row) or title_of(mark),
        (axis.at(value), axis.at(low_mean), axis.at(high_mean)),
        mean_text(entry),
        lanes,
    )
