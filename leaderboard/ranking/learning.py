"""How fast entries learn, by the trainings of their seeds, where these gain what is told from guessing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...benchmark.scoring.metrics import METRICS
from ...benchmark.submissions.learning_speed import Gain, Reached, gain_of, steps_to
from .board import Board, Row
from .one_seed import of_seed


def learned(board: Board, row: Row, place: int) -> bool:
    """Return whether a seed's figure on source validation is told from guessing: its interval lies above chance.

    The best of forty evaluations of a network that learns nothing is above chance, and as a rule is an early one. The
    interval does not know that it is of the best, so that a third to a half of such networks still pass; corrected for
    the number of evaluations, that of a perfect network would hold chance where patients are few. True of metrics
    without a score of guessing, and where it cannot be told, as of one patient.

    Args:
        board: The board.
        row: An entry.
        place: Place of the seed among its cards.
    """
    metric, protocol = METRICS[board.rank_by], board.protocol
    if metric.chance is None:
        return True
    units = board.units[protocol.source, "val"]
    low, high = of_seed(row, "validation", place, units, (0.0, metric.most)).interval
    chance = metric.chance(len(protocol.dataset.classes))
    if math.isnan(low) or math.isnan(high):
        return True
    return low > chance if metric.higher_is_better else high < chance


def gain_of_seed(board: Board, row: Row, place: int) -> Gain | None:
    """Return what the training of a seed gains; None without a course, or if it gains nothing told from chance."""
    curve, claim = row.curves[place] if row.curves else None, row.cards[place].training
    if curve is None or claim is None or not learned(board, row, place):
        return None
    return gain_of(curve, claim.kept, len(board.protocol.dataset.classes))


def steps_of_seed(board: Board, row: Row, place: int, share: float, level: float | None = None) -> Reached | None:
    """Return the steps of a seed's training to a share of its gain, or to a level; None as for `gain_of_seed`."""
    curve, claim = row.curves[place] if row.curves else None, row.cards[place].training
    if curve is None or claim is None or not learned(board, row, place):
        return None
    return steps_to(curve, claim.kept, share, len(board.protocol.dataset.classes), level)


def schedule(rows: Sequence[tuple[Row, int]]) -> float:
    """Return the steps of the longest schedule of some seeds, each given by its entry and place; infinite for none."""
    claims = [row.cards[place].training for row, place in rows]
    return max((float(claim.steps) for claim in claims if claim is not None), default=math.inf)
