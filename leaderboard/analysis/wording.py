"""Wording that the findings share: names of entries, and differences with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from ...benchmark.reporting.numbers import format_estimate
from ..ranking.board import Board, Row

CLAIMED = (
    "Claimed: nobody has run these entries again yet, or nobody can, so they have no rank. Their figures are computed "
    "from their predictions; how those were made is their authors' word."
)
NAMED = 5  # entries that are named


def names(rows: Sequence[Row]) -> str:
    """List the names of entries; of many, the first few and the number of the others."""
    return joined([row.name for row in rows])


def joined(parts: Sequence[str], word: str = "and", most: int = NAMED) -> str:
    """Join parts as in a sentence; of more than `most`, the first ones and the number of the others."""
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    shown = list(parts[:most])
    return (", ".join(shown) if more or len(shown) < 2 else f"{', '.join(shown[:-1])} {word} {shown[-1]}") + more


def sentence_case(text: str) -> str:
    """Begin a sentence with a capital."""
    return text[0].upper() + text[1:]


def difference(board: Board, one: Row, other: Row) -> str:
    """Format the difference of two entries and its interval, where it has one."""
    return format_estimate(*board.pairs.interval(board.rows.index(one), board.rows.index(other)))


def gap(board: Board, one: Row, other: Row) -> str:
    """Format the difference of two entries, its interval and whether it is supported."""
    a, b = board.rows.index(one), board.rows.index(other)
    return f"{difference(board, one, other)} ({'supported' if board.pairs.supported[a, b] else 'not supported'})"


def level(board: Board, one: Row, other: Row) -> bool:
    """Whether nothing tells two entries apart: their difference is 0 in the digits shown, and not supported."""
    a, b = board.rows.index(one), board.rows.index(other)
    return round(abs(float(board.pairs.difference[a, b])), 3) == 0 and not board.pairs.supported[a, b]
