"""The gain of every entry over a control, on the same groups and the same seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...benchmark.scoring.bootstrap import LEVEL
from ...benchmark.scoring.metrics import METRICS
from ..entries.scoring import PAIRED
from ..ranking.board import Board, Row
from ..ranking.comparisons import holm
from ..ranking.paired import Difference, paired_difference


@dataclass(frozen=True)
class Gain:
    """The gain of an entry over the control in one figure, positive where the entry is better.

    Args:
        found: The paired difference.
        supported: Whether it is supported after Holm's correction at 5 %.
    """

    found: Difference
    supported: bool


@dataclass(frozen=True)
class Gains:
    """The gains of all other entries over a control.

    Args:
        board: The board.
        control: The control.
        figures: Names of the figures compared.
        rows: Entry -> gain by figure, in the order of the board; entries without a seed in common have undefined ones.
    """

    board: Board
    control: Row
    figures: tuple[str, ...]
    rows: Mapping[str, Mapping[str, Gain]]


def gains(board: Board, control: str) -> Gains | None:
    """Compare every entry with a control; None if the board has no such entry.

    The correction is that of the ranking, each figure on its own. Where entry and control can have a rank, it is over
    the entries that can, or, if both see the same, over those of them that do; where either is claimed, it is over all.
    So what nobody has run again makes no gain of one verified entry over another harder to support.
    """
    base = next((row for row in board.rows if row.name == control), None)
    if base is None:
        return None
    figures = tuple(name for name in PAIRED if name in base.aggregates)
    others = [row for row in board.rows if row is not base]
    by_figure = {name: _gains(board, base, others, name) for name in figures}
    rows = {row.name: {name: by_figure[name][place] for name in figures} for place, row in enumerate(others)}
    return Gains(board, base, figures, rows)


def _gains(board: Board, base: Row, others: list[Row], name: str) -> list[Gain]:
    units = _units(board, name)
    sign = 1 if METRICS[board.rank_by].higher_is_better else -1
    found = [_turned(paired_difference(row, base, name, units, board.rank_by), sign) for row in others]
    chance = np.array([each.chance for each in found])
    ranked = np.array([not row.claimed and not base.claimed for row in others], dtype=bool)
    same = ranked & np.array([row.sees == base.sees for row in others], dtype=bool)
    adjusted = np.full(len(chance), np.nan)
    for family in (np.ones_like(ranked), ranked, same):  # the narrower one decides
        adjusted[family] = holm(chance[family])
    return [Gain(each, bool(p <= 1 - LEVEL)) for each, p in zip(found, adjusted, strict=True)]


def _turned(found: Difference, sign: int) -> Difference:
    """Make a difference positive where the entry is better."""
    if sign > 0:
        return found
    return replace(found, value=-found.value, low=-found.high, high=-found.low)


def _units(board: Board, name: str) -> float:
    """Return the effective number of groups behind an aggregate: that of the least certain test split in it."""
    source = board.units[board.protocol.source, "test"]
    targets = [board.units[target, "test"] for target in board.protocol.targets]
    return min({"real": targets, "shifted": [source, *targets]}.get(name, [source]))
