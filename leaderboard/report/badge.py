"""A badge for READMEs: the leading figure as SVG, without a badge server."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...benchmark.scoring.metrics import METRICS
from ..entries.figures import Figure
from ..ranking.board import Board
from ..ranking.counts import entries_in_words

WIDTH_OF_CHARACTER = 6.6  # average pixels per character of 11 px Verdana
LONGEST = 60  # characters


def badge(boards: Sequence[Board]) -> str:
    """Draw the badge: the number of entries, of those run again, and the best figure of the first that has ranks.

    Protocols that are not the maintainers' own have no part in it.
    """
    boards = [board for board in boards if board.own]
    right = entries_in_words(boards)
    board = next((board for board in boards if any(row.rank is not None for row in board.rows)), None)
    if board is not None:
        where = "under shift" if board.ranked_figure == "shifted" else "on clean images"
        right = f"{right}, best {where} {_best(board).text}"
    left = "medshift SIMULATED" if any(board.protocol.dataset.simulated for board in boards) else "medshift"
    return _svg(left, right[:LONGEST])


def _best(board: Board) -> Figure:
    """Return the best figure over all access levels, since each has a first rank of its own."""
    figures = [board.figure(row) for row in board.rows if row.rank is not None]
    best = max if METRICS[board.rank_by].higher_is_better else min
    return best(figures, key=lambda figure: figure.value)


def _svg(left: str, right: str) -> str:
    widths = [round(len(text) * WIDTH_OF_CHARACTER + 12) for text in (left, right)]
    total = sum(widths)
    label = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" aria-label="{label}">'
        f"<title>{label}</title>"
        f'<rect width="{widths[0]}" height="20" fill="#3a3f47"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="#0b5cad"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{widths[0] / 2:g}" y="14" textLength="{widths[0] - 12}">{escape(left)}</text>'
        f'<text x="{widths[0] + widths[1] / 2:g}" y="14" textLength="{widths[1] - 12}">{escape(right)}</text>'
        "</g></svg>\n"
    )
