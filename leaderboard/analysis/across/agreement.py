"""Do boards order the entries that they share alike? The mean rank correlation of two boards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ....benchmark.scoring import bootstrap
from ...entries.figures import NOTHING, Figure
from ...ranking.across import Across, quality
from ..correlation import FEWEST

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """How far the boards agree on the order of the entries that all of them rank, whatever these see.

    Args:
        entries: Number of entries.
        mean: Spearman's rank correlation of two boards, averaged over all pairs of boards: 1 is the same order, 0 none
            in common, -1 the reverse. The 95 % interval is over patients, drawn within each board; undefined for fewer
            than `FEWEST` entries.
        concordance: Kendall's W of all boards: 1 is the same order on all of them.
        pairs: The correlation of each pair of boards.
    """

    entries: int
    mean: Figure
    concordance: float
    pairs: tuple[tuple[str, str, float], ...]


def agreement(found: Across) -> Agreement:
    """Correlate the orders of the ranked entries on all pairs of boards."""
    entries, names = found.ranked, found.names
    if len(entries) < 2:
        return Agreement(len(entries), NOTHING, math.nan, ())
    values = {
        board.protocol.name: quality(
            board, np.array([[board.figure(entry.rows[board.protocol.name]).value] for entry in entries])
        )
        for board in found.boards
    }
    pairs = [(one, other, float(spearman_columns(values[one], values[other])[0])) for one, other in both(names)]
    mean = float(np.mean([value for _, _, value in pairs]))
    low, high = math.nan, math.nan
    fewest = min(each.shape[1] for each in found.draws.values())
    if len(entries) >= FEWEST and fewest:
        drawn = [
            spearman_columns(found.draws[one][:, :fewest], found.draws[other][:, :fewest]) for one, other in both(names)
        ]
        low, high = bootstrap.interval(np.mean(drawn, axis=0))
    concordance = (1 + mean * (len(names) - 1)) / len(names)
    return Agreement(len(entries), Figure(mean, low, high), concordance, tuple(pairs))


def both(names: list[str]) -> list[tuple[str, str]]:
    """List the pairs of boards."""
    return list(combinations(names, 2))


def spearman_columns(one: Floats, other: Floats) -> Floats:
    """Compute Spearman's correlation of each column with the same one of another array: (n, B) twice -> (B,)."""
    first, second = (rankdata(each, axis=0) for each in (one, other))
    first, second = (each - each.mean(axis=0) for each in (first, second))
    scale = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    return np.asarray(np.where(scale > 0, (first * second).sum(axis=0) / np.where(scale > 0, scale, 1), np.nan))
