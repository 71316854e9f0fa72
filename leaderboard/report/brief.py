"""The short form of a leaderboard, for a README: the first three of each access level, and the first finding."""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis.approach import approach_title
from ..analysis.correlation import Correlation
from ..analysis.findings import findings
from ..ranking.board import Board, Row
from .markdown import escape, rank_text

FIRST = 3  # entries of each access level


def brief(boards: Sequence[Board], correlations: Sequence[Correlation | None], folder: str) -> str:
    """Write a table for each board that has entries.

    Args:
        boards: The boards.
        correlations: The rank correlations of each.
        folder: Where the submissions are, as a link from the README; empty for no link.
    """
    given = zip(boards, correlations, strict=True)
    return "\n\n".join(_table(board, found, folder) for board, found in given if board.rows)


def leading(board: Board) -> list[Row]:
    """Select the first entries of each access level, by rank; of a level without ranks, the first in the table."""
    return [row for rows in board.by_sees().values() for row in rows[:FIRST]]


def _table(board: Board, found: Correlation | None, folder: str) -> str:
    name = escape(board.protocol.name)
    title = f"[**{name}**]({folder}/{board.protocol.name})" if folder else f"**{name}**"
    kind = " (SIMULATED images)" if board.protocol.dataset.simulated else ""
    if len(board.claimed) == len(board.rows):
        return f"{title}{kind}: {len(board.rows):,} claimed, none run again yet."
    entries = f"{len(board.rows):,} entries"
    if board.claimed:
        entries = f"{len(board.rows) - len(board.claimed):,} verified entries (and {len(board.claimed):,} claimed)"
    lines = [
        f"{title}{kind}: {board.title}, the first {FIRST} of each access level of {entries}.",
        "",
        "| Sees | # | Entry | Approach | Clean | Under shift |",
        "|---|--:|---|---|--:|--:|",
    ]
    for row in leading(board):
        cells = [f"`{row.sees}`", rank_text(row), f"`{row.name}`", escape(approach_title(row)) or "–"]
        cells += [
            row.aggregates[figure, board.rank_by].text if figure in row.aggregates else "–"
            for figure in ("clean", "shifted")
        ]
        lines.append(f"| {' | '.join(cells)} |")
    said = findings(board, found)
    return "\n".join([*lines, *(["", escape(said[0])] if said else [])])
