"""What a table says in sentences, and what it does not support."""

from __future__ import annotations

from collections.abc import Sequence

from ..benchmark.estimate import decimal
from ..benchmark.metrics import METRICS
from .board import Board, Row

FEW = 12  # entries: up to here the leaders of different groups are compared in words
NAMED = 5  # entries of a tier that are named


def findings(board: Board) -> list[str]:
    """Returns sentences: who leads each group of methods, whether that is supported, and how the leaders compare."""
    title = METRICS[board.rank_by].title
    said = []
    for sees, rows in board.by_sees().items():
        ranked = [row for row in rows if row.rank is not None]
        if not ranked:
            continue
        first = [row for row in ranked if row.tier == 1]
        rest = len(ranked) - len(first)
        if len(ranked) == 1:
            said.append(f"Only {first[0].name} sees {sees}: it has nobody to be ranked against.")
        elif len(first) == 1:
            said.append(
                f"Of methods that see {sees}, {first[0].name} leads; its lead over all {rest} others is supported."
            )
        else:
            behind = "nobody is known to be worse" if not rest else f"{rest} more are supported to be worse"
            said.append(
                f"Of methods that see {sees}, {_names(first)} share the first tier: that one is better than another is "
                f"not supported; {behind}."
            )
    return said + (_leaders(board, title) if len(board.rows) <= FEW else [])


def _leaders(board: Board, title: str) -> list[str]:
    """Returns how the best of each group compare with one another, paired over the same groups."""
    leaders = [rows[0] for rows in board.by_sees().values() if rows[0].rank is not None]
    said = []
    for i, one in enumerate(leaders):
        for other in leaders[i + 1 :]:
            a, b = board.rows.index(one), board.rows.index(other)
            value, low, high = board.pairs.interval(a, b)
            better, worse = (one, other) if value >= 0 else (other, one)
            if value < 0:
                value, low, high = -value, -high, -low
            gap = f"{decimal(value)} [{decimal(low, 2)}, {decimal(high, 2)}]"
            verdict = "supported" if board.pairs.supported[a, b] else "not supported"
            said.append(
                f"{better.name} ({better.sees}) is {gap} better in {title} under shift than {worse.name} "
                f"({worse.sees}): the difference is {verdict}."
            )
    if any(len(row.cards) == 1 for row in board.rows):
        said.append("Entries of one seed show nothing of the spread between seeds: their intervals are too narrow.")
    return said


def _names(rows: Sequence[Row]) -> str:
    names = [row.name for row in rows[:NAMED]]
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return (", ".join(names) if more or len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}") + more
