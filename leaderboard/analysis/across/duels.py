"""Wins and losses of approaches: on how many boards one's best entry is supported to be better than another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

from ....benchmark.contract.entry import APPROACHES, Approach
from ....benchmark.scoring.metrics import METRICS
from ...ranking.across import Across
from ...ranking.board import Board, Row
from ..approach import by_approach

Outcome: TypeAlias = Literal["better", "worse", "not told apart"]


@dataclass(frozen=True)
class Duel:
    """Two approaches on every board that compares them.

    Args:
        one: An approach.
        other: Another one.
        outcomes: Board -> whether the best entry of `one` is supported to be better than that of `other`, or worse.
    """

    one: Approach
    other: Approach
    outcomes: Mapping[str, Outcome]

    def count(self, outcome: Outcome) -> int:
        """Count the boards with an outcome."""
        return sum(each == outcome for each in self.outcomes.values())


def bests(found: Across) -> dict[str, dict[Approach, Row]]:
    """Find the best entry of each approach on each board, the best approach first, among those that all boards rank."""
    return {board.protocol.name: _best(board, found) for board in found.boards}


def duels(found: Across) -> list[Duel]:
    """Compare the best entries of every two approaches on every board."""
    best = bests(found)
    kinds = [kind for kind in APPROACHES if any(kind in each for each in best.values())]
    return [
        Duel(
            one,
            other,
            {b.protocol.name: verdict(b, *(best[b.protocol.name][k] for k in (one, other))) for b in found.boards},
        )
        for one, other in combinations(kinds, 2)
    ]


def _best(board: Board, found: Across) -> dict[Approach, Row]:
    kinds = by_approach([entry.rows[board.protocol.name] for entry in found.ranked])
    sign = -1 if METRICS[board.rank_by].higher_is_better else 1

    def order(row: Row) -> float:
        return sign * board.figure(row).value

    best = {kind: min(rows, key=order) for kind, rows in kinds.items()}
    return {kind: best[kind] for kind in sorted(best, key=lambda kind: order(best[kind]))}


def verdict(board: Board, one: Row, other: Row) -> Outcome:
    """Say whether an entry is supported to be better than another one, or worse."""
    a, b = board.rows.index(one), board.rows.index(other)
    if not board.pairs.supported[a, b]:
        return "not told apart"
    return "better" if board.pairs.difference[a, b] > 0 else "worse"
