"""How far off each estimator is that judges a model at a site without labels, over all entries and real sites."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...benchmark.estimation.registry import estimator_names
from ...benchmark.scoring.bootstrap import REPLICATES, interval, resample_counts
from ..entries.figures import NOTHING, Figure
from ..ranking.board import Board
from ..ranking.networks import network_numbers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EstimatorRow:
    """One estimator. Each entry counts once in its figures, the seeds of an entry at a site being averaged first.

    Args:
        name: Its name.
        cases: Submissions times real sites whose balanced accuracy is defined.
        entries: Entries of which these are submissions.
        networks: Trained networks that the entries stand on.
        none: Fraction without an estimate.
        error: Mean absolute error of the estimates.
        bias: Mean error; positive where the estimates are too high.
        coverage: Fraction of the 90 % intervals that hold the measured figure.
        width: Mean half-width of the intervals.
    """

    name: str
    cases: int
    entries: int
    networks: int
    none: float
    error: Figure
    bias: Figure
    coverage: Figure
    width: float


@dataclass(frozen=True)
class Case:
    """An estimate and what was measured.

    Args:
        estimator: Its name.
        entry: Name of the entry.
        seed: Its seed.
        site: The real site.
        figures: Estimate, low, high and measured figure; NaN where undefined.
    """

    estimator: str
    entry: str
    seed: int
    site: str
    figures: tuple[float, float, float, float]


def cases(board: Board) -> Iterator[Case]:
    """Yield every estimate of a board."""
    for row in board.rows:
        for card, by_seed in zip(row.cards, row.scored.estimates.tolist(), strict=True):
            for name, by_name in zip(estimator_names(), by_seed, strict=False):
                for site, figures in zip(board.protocol.targets, by_name, strict=True):
                    yield Case(name, row.name, card.seed, site, tuple(figures))


def estimator_rows(board: Board) -> list[EstimatorRow]:
    """Score the estimators on a board; none where nothing was estimated.

    An entry counts once, however many seeds it has: they are averaged first, as everywhere on the board. The 95 %
    intervals are over trained networks, with all entries that stand on them, and over sites: both are resampled.
    """
    entries = [row for row in board.rows if row.scored.estimates.size]
    if not entries:
        return []
    seeds = [len(row.scored.estimates) for row in entries]
    numbers = network_numbers(entries)
    networks = int(numbers.max()) + 1
    every = np.concatenate([row.scored.estimates for row in entries])  # (seeds of all entries, E, D, 4)
    sites = every.shape[2]
    drawn = [
        resample_counts(items, REPLICATES, board.protocol.seed, "estimators", what)
        for items, what in ((networks, "entries"), (sites, "sites"))
    ]
    cells = _Cells(np.repeat(np.arange(len(entries)), seeds), drawn[0][:, numbers], drawn[1], max(networks, sites) > 1)
    rows = []
    for name, (value, low, high, truth) in zip(estimator_names(), np.moveaxis(every, (1, 3), (0, 1)), strict=False):
        known = ~np.isnan(truth)
        given = known & ~np.isnan(value)
        ended = given & ~np.isnan(low)
        rows.append(
            EstimatorRow(
                name,
                int(known.sum()),
                len(entries),
                networks,
                cells.mean(np.isnan(value), known).value,
                cells.mean(np.abs(value - truth), given),
                cells.mean(value - truth, given),
                cells.mean((low <= truth) & (truth <= high), ended),
                cells.mean((high - low) / 2, ended).value,
            )
        )
    return rows


@dataclass(frozen=True)
class _Cells:
    """How cases are averaged: over the seeds of an entry at a site first, then over entries and sites.

    Args:
        entry: (S,) whose seed each is.
        by_entry: (B, n) how often each entry is drawn.
        by_site: (B, D) how often each site is drawn.
        varies: Whether there are several networks or sites to be drawn.
    """

    entry: NDArray[np.int64]
    by_entry: Floats
    by_site: Floats
    varies: bool

    def mean(self, values: NDArray[np.generic], known: NDArray[np.bool_]) -> Figure:
        """Average (S, D) values, of which some are known, with the 95 % interval over draws; it may be undefined."""
        counts, totals = np.zeros((2, self.by_entry.shape[1], known.shape[1]))
        np.add.at(counts, self.entry, known)
        np.add.at(totals, self.entry, np.where(known, values, 0))
        defined = (counts > 0).astype(np.float64)
        if not defined.any():
            return NOTHING
        means = totals / np.maximum(counts, 1)
        total, count = (((self.by_entry @ table) * self.by_site).sum(axis=1) for table in (means, defined))
        low, high = math.nan, math.nan
        if self.varies:
            low, high = interval(np.where(count > 0, total / np.where(count > 0, count, 1), np.nan))
        return Figure(float(means.sum() / defined.sum()), low, high)
