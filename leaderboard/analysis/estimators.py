"""How far off each estimator is that judges a model at a site without labels, over all entries and real sites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...benchmark.estimation.registry import estimator_names
from ...benchmark.scoring.bootstrap import REPLICATES, interval, resample_counts
from ..entries.figures import NOTHING, Figure
from ..ranking.board import Board

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EstimatorRow:
    """One estimator.

    Args:
        name: Its name.
        cases: Submissions times real sites whose balanced accuracy is defined.
        none: Fraction of these without an estimate.
        error: Mean absolute error of the estimates.
        bias: Mean error; positive where the estimates are too high.
        coverage: Fraction of the 90 % intervals that hold the measured figure.
        width: Mean half-width of the intervals.
    """

    name: str
    cases: int
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

    The 95 % intervals are over entries, with all their seeds, and over sites: both are resampled.
    """
    found = [row.scored.estimates for row in board.rows if row.scored.estimates.size]
    if not found:
        return []
    rows = []
    entries, sites = len(found), found[0].shape[2]
    again = (
        resample_counts(entries, REPLICATES, board.protocol.seed, "estimators", "entries"),
        resample_counts(sites, REPLICATES, board.protocol.seed, "estimators", "sites"),
    )
    for place, name in enumerate(estimator_names()):
        mine = [each[:, place] for each in found]  # of each entry (S, D, 4)
        known = [~np.isnan(each[..., 3]) for each in mine]
        given = [each & ~np.isnan(some[..., 0]) for each, some in zip(known, mine, strict=True)]
        off = [some[..., 0] - some[..., 3] for some in mine]
        ended = [each & ~np.isnan(some[..., 1]) for each, some in zip(given, mine, strict=True)]
        held = [(some[..., 1] <= some[..., 3]) & (some[..., 3] <= some[..., 2]) for some in mine]
        widths = np.concatenate([((s[..., 2] - s[..., 1]) / 2)[e] for s, e in zip(mine, ended, strict=True)])
        count = int(sum(each.sum() for each in known))
        rows.append(
            EstimatorRow(
                name,
                count,
                float(1 - sum(each.sum() for each in given) / count) if count else float("nan"),
                _mean([np.abs(each) for each in off], given, again),
                _mean(off, given, again),
                _mean([each.astype(np.float64) for each in held], ended, again),
                float(widths.mean()) if len(widths) else float("nan"),
            )
        )
    return rows


def _mean(values: list[Floats], known: list[NDArray[np.bool_]], again: tuple[Floats, Floats]) -> Figure:
    """Average over entries, seeds and sites, with an interval over resampled entries and sites.

    Args:
        values: Of each entry (S, D).
        known: Which of them count.
        again: (B, entries) and (B, D) how often each is drawn.
    """
    counts = np.stack([each.sum(axis=0) for each in known]).astype(np.float64)  # (entries, D)
    totals = np.stack([np.where(each, some, 0).sum(axis=0) for each, some in zip(known, values, strict=True)])
    if not counts.sum():
        return NOTHING
    by_entry, by_site = again
    total, count = (((by_entry @ table) * by_site).sum(axis=1) for table in (totals, counts))
    replicates = np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
    low, high = interval(replicates) if max(counts.shape) > 1 else (float("nan"), float("nan"))
    return Figure(float(totals.sum() / counts.sum()), low, high)
