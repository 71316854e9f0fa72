"""Findings of a board as sentences, with what the data do not support; the most important come first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..ranking.board import Board, Row
from .approach import by_approach
from .correlation import Correlation
from .devices import device_caveat
from .headline import headline
from .wording import difference, gap, level, names


def findings(board: Board, found: Correlation | None = None) -> list[str]:
    """Write the findings: whether nothing real was tested, the main questions, then the leaders, then caveats.

    Args:
        board: Ranked table.
        found: Its rank correlations, if any.
    """
    sentences = [] if board.protocol.targets else ["One domain: no real shift was tested."]
    sentences += headline(board)
    if found is not None:
        sentences.append(
            f"Do synthesized shifts predict the real ones better than clean performance does? {found.answer}"
        )
    leaders = [] if len(by_approach(board.rows)) > 1 else _leaders(board)
    return [
        *sentences,
        *_first_tiers(board),
        *leaders,
        *device_caveat(board),
        *_single_seeds(board),
        *_one_severity(board),
    ]


def _leaders(board: Board) -> list[str]:
    """Compare the best entries of each access level, where their approaches are not known."""
    title = board.title
    leaders = [rows[0] for rows in board.by_sees().values() if rows[0].rank is not None]
    sentences = []
    for one, other in combinations(leaders, 2):
        if level(board, one, other):
            who = " and ".join(f"{row.name} (sees {row.sees})" for row in (one, other))
            sentences.append(f"In {title}, {who} do not differ, {difference(board, one, other)}.")
            continue
        ahead = board.pairs.interval(board.rows.index(one), board.rows.index(other))[0] >= 0
        better, worse = (one, other) if ahead else (other, one)
        sentences.append(
            f"In {title}, {better.name} (sees {better.sees}) is better than {worse.name} (sees {worse.sees}) by "
            f"{gap(board, better, worse)}."
        )
    return sentences


def _first_tiers(board: Board) -> list[str]:
    """Name the first tier of each access level."""
    sentences = []
    for sees, rows in board.by_sees().items():
        ranked = [row for row in rows if row.rank is not None]
        if not ranked:
            continue
        first = [row for row in ranked if row.tier == 1]
        if len(ranked) == 1:
            which = "only verified" if any(row.sees == sees for row in board.claimed) else "only"
            sentences.append(
                f"{first[0].name} is the {which} method that sees {sees}, so there is none to rank it against."
            )
        elif len(first) == 1:
            sentences.append(
                f"Among methods that see {sees}, {first[0].name} leads; its lead over the next, {ranked[1].name}, is "
                "supported."
            )
        else:
            worse = f"none is significantly worse than {first[0].name}{_next_tier(ranked[len(first) :])}"
            told = worse if _compared(board, first) else f"no comparison with {first[0].name} is defined"
            sentences.append(f"Among methods that see {sees}, {names(first)} share the first tier: {told}.")
    return sentences


def _compared(board: Board, rows: Sequence[Row]) -> bool:
    """Whether the first of some entries is compared with any of the others: of one group, no comparison is defined."""
    leader, *others = (board.rows.index(row) for row in rows)
    return not np.isnan(board.pairs.chance[leader, others]).all()


def _next_tier(rest: Sequence[Row]) -> str:
    if not rest:
        return ""
    below = len(rest) - 1
    more = f", and {below} more {'ranks' if below == 1 else 'rank'} below it" if below else ""
    return f"; {rest[0].name} is{more}"


def _single_seeds(board: Board) -> list[str]:
    """Name the entries with a single seed."""
    alone = [row for row in board.rows if len(row.cards) == 1]
    if not alone:
        return []
    who = (
        "Every entry has" if len(alone) == len(board.rows) else f"{names(alone)} {'has' if len(alone) == 1 else 'have'}"
    )
    unknown = f"{who} one seed, so the variation between seeds is unknown"
    if all(math.isnan(board.figure(row).low) for row in alone):
        return [f"{unknown}, and no interval is defined."]
    return [f"{unknown}: intervals cover the sampling of groups only and are too narrow for another training run."]


def _one_severity(board: Board) -> list[str]:
    """Tell that shifts were tested at one severity."""
    severities = board.protocol.severities
    if not board.protocol.shifts or len(severities) > 1:
        return []
    return [
        f"Synthesized shifts were tested at severity {severities[0]} alone: how entries fare under milder and stronger "
        "ones is told by a run without --severities, which tests 1 to 5."
    ]
