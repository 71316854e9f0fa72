"""Wording that the findings share: names of entries, and differences with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from ...benchmark.reporting.numbers import format_decimal
from ..ranking.board import Board, Row

CLAIMED = (
    "Claimed: nobody has run these entries again yet, or nobody can, so they have no rank. Their figures are computed "
    "from their predictions; how those were made is their authors' word."
)
NAMED = 5  # entries that are named


def names(rows: Sequence[Row]) -> str:
    """List the names of entries; of many, the first few and the number of the others."""
    return joined([row.name for row in rows])


def joined(parts: Sequence[str], word: str = "and") -> str:
    """Join parts as in a sentence; of many, the first few and the number of the others."""
    more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
    shown = list(parts[:NAMED])
    return (", ".join(shown) if more or len(shown) < 2 else f"{', '.join(shown[:-1])} {word} {shown[-1]}") + more


def sentence_case(text: str) -> str:
    """Begin a sentence with a capital."""
    return text[0].upper() + text[1:]


def gap(board: Board, one: Row, other: Row) -> str:
    """Format the difference of two entries, its interval and whether it is supported."""
    a, b = board.rows.index(one), board.rows.index(other)
    value, low, high = board.pairs.interval(a, b)
    verdict = "supported" if board.pairs.supported[a, b] else "not supported"
    return f"{format_decimal(value)} [{format_decimal(low, 2)}, {format_decimal(high, 2)}] ({verdict})"
