"""The short form of a leaderboard, for a README: the first entries of each access level, and the first finding.

Several boards share one table, with fewer entries of each, so that a README stays short however many boards there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...benchmark.files.wording import plural
from ..analysis.approach import approach_title
from ..analysis.correlation import Correlation
from ..analysis.findings import findings
from ..ranking.board import Board, Row
from .markdown import escape, rank_text

FIRST = 3  # entries of each access level
FIRST_OF_SEVERAL = 2  # where several boards share a table


def brief(boards: Sequence[Board], correlations: Sequence[Correlation | None], folder: str) -> str:
    """Write a table for the board that has ranks, or one for all that do.

    Args:
        boards: The boards; those without entries are left out.
        correlations: The rank correlations of each.
        folder: Where the submissions are, as a link from the README; empty for no link.
    """
    given = [(board, found) for board, found in zip(boards, correlations, strict=True) if board.rows]
    if sum(_is_ranked(board) for board, _ in given) > 1:
        return _together([board for board, _ in given], folder)
    return "\n\n".join(_alone(board, found, folder) for board, found in given)


def leading(board: Board, first: int = FIRST) -> list[Row]:
    """Select the first entries of each access level, by rank; of a level without ranks, the first in the table."""
    return [row for rows in board.by_sees().values() for row in rows[:first]]


def _alone(board: Board, found: Correlation | None, folder: str) -> str:
    if not _is_ranked(board):
        return f"{_title(board, folder)}: {_count(board)}."
    ranked = len(board.rows) - len(board.claimed)
    first = f"the first {FIRST} of each access level of " if len(leading(board)) < ranked else ""
    lines = [
        f"{_title(board, folder)}: {board.title}, {first}{_count(board)}.",
        "",
        "| Sees | # | Entry | Approach | Clean | Under shift |",
        "|---|--:|---|---|--:|--:|",
    ]
    lines += [f"| {' | '.join(_cells(board, row))} |" for row in leading(board)]
    said = findings(board, found)
    return "\n".join([*lines, *(["", escape(said[0])] if said else [])])


def _together(boards: Sequence[Board], folder: str) -> str:
    listed = "; ".join(f"{_title(board, folder)}: {board.title}, {_count(board)}" for board in boards)
    lines = [
        f"The first {FIRST_OF_SEVERAL} of each access level. {listed}.",
        "",
        "| Board | Sees | # | Entry | Approach | Clean | Under shift |",
        "|---|---|--:|---|---|--:|--:|",
    ]
    for board in filter(_is_ranked, boards):
        for row in leading(board, FIRST_OF_SEVERAL):
            lines.append(f"| {' | '.join([escape(board.protocol.name), *_cells(board, row)])} |")
    return "\n".join(lines)


def _is_ranked(board: Board) -> bool:
    return len(board.claimed) < len(board.rows)


def _title(board: Board, folder: str) -> str:
    name = escape(board.protocol.name)
    title = f"[**{name}**]({folder}/{board.protocol.name})" if folder else f"**{name}**"
    return f"{title} (SIMULATED images)" if board.protocol.dataset.simulated else title


def _count(board: Board) -> str:
    """Return how many entries a board has, those that are claimed apart."""
    if not _is_ranked(board):
        return f"{len(board.rows):,} claimed, none run again yet"
    count = len(board.rows) - len(board.claimed)
    if board.claimed:
        return f"{plural(count, 'verified entry')} (and {len(board.claimed):,} claimed)"
    return plural(count, "entry")


def _cells(board: Board, row: Row) -> list[str]:
    cells = [f"`{row.sees}`", rank_text(row), f"`{row.name}`", escape(approach_title(row)) or "–"]
    return cells + [
        row.aggregates[name, board.rank_by].text if name in row.aggregates else "–" for name in ("clean", "shifted")
    ]
