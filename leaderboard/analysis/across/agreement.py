"""Do boards order the entries that they share alike? The mean rank correlation of two boards.

Two orders of the same few methods can agree by luck however many patients there are. So its interval is over what other
methods would give as well: trained networks are drawn, with all their entries, and the same ones on every board.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ....benchmark.scoring import bootstrap
from ...entries.figures import NOTHING, Figure
from ...ranking.across import Across, quality
from ...ranking.networks import joined_numbers, trained_networks
from ..correlation import FEWEST
from ..rank_correlations import shared_weights, spearman_columns


@dataclass(frozen=True)
class Agreement:
    """How far the boards agree on the order of the entries that all of them rank, whatever these see.

    Args:
        entries: Number of entries.
        networks: Number of trained networks that they stand on: entries that share one on any board count as one.
        mean: Spearman's rank correlation of two boards, averaged over all pairs of boards: 1 is the same order, 0 none
            in common, -1 the reverse. Each network counts once. The 95 % interval is over networks, the same on all
            boards, and patients, drawn within each board; undefined for fewer than `FEWEST` networks.
        concordance: Kendall's W of all boards: 1 is the same order on all of them.
        pairs: The correlation of each pair of boards.
    """

    entries: int
    networks: int
    mean: Figure
    concordance: float
    pairs: tuple[tuple[str, str, float], ...]


def agreement(found: Across) -> Agreement:
    """Correlate the orders of the ranked entries on all pairs of boards."""
    entries, names = found.ranked, found.names
    on = [{(name, each) for name, row in entry.rows.items() for each in trained_networks(row)} for entry in entries]
    numbers = joined_numbers(on)
    networks = len(set(numbers.tolist()))
    if len(entries) < 2:
        return Agreement(len(entries), networks, NOTHING, math.nan, ())
    once = shared_weights(numbers)[:, None]
    values = {
        board.protocol.name: quality(
            board, np.array([[board.figure(entry.rows[board.protocol.name]).value] for entry in entries])
        )
        for board in found.boards
    }
    pairs = [(one, other, float(spearman_columns(values[one], values[other], once)[0])) for one, other in both(names)]
    mean = float(np.mean([value for _, _, value in pairs]))
    low, high = math.nan, math.nan
    fewest = min(each.shape[1] for each in found.draws.values())
    if networks >= FEWEST and fewest:
        counts = bootstrap.resample_counts(networks, fewest, found.boards[0].protocol.seed, "across", *names)
        weights = shared_weights(numbers, counts).T
        drawn = [
            spearman_columns(found.draws[one][:, :fewest], found.draws[other][:, :fewest], weights)
            for one, other in both(names)
        ]
        low, high = bootstrap.interval(np.mean(drawn, axis=0))
    concordance = (1 + mean * (len(names) - 1)) / len(names)
    return Agreement(len(entries), networks, Figure(mean, low, high), concordance, tuple(pairs))


def both(names: list[str]) -> list[tuple[str, str]]:
    """List the pairs of boards."""
    return list(combinations(names, 2))
