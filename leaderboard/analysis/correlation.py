"""Do synthesized shifts predict the real ones? Rank correlation across entries, clean figures being the yardstick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, norm, rankdata

from ...benchmark.scoring import bootstrap
from ..ranking.board import Board
from ..ranking.comparisons import holm

FEWEST = 5  # entries: of fewer, even perfect agreement comes about by chance too often (2 of 4! orders are 8 %)
NAMED = 5  # shifts in a sentence
PLENTY = 10  # entries: below, intervals are wide and the resampled ones mostly repeat each other
CLEAN = "clean"
ALL = "synthesized"
MEAN = "all sites"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RankCorrelation:
    """How well one predictor orders the entries at one real site: 1 is the same order, -1 the reverse, 0 no relation.

    Args:
        spearman: Spearman's rank correlation; NaN where undefined (fewer than two different values).
        low: Its 95 % interval over entries and groups.
        high: The other end.
        kendall: Kendall's tau-b.
    """

    spearman: float
    low: float
    high: float
    kendall: float


@dataclass(frozen=True)
class HeatRow:
    """A row of the heat map.

    Args:
        name: `clean`, `synthesized` (the mean of the families), or a shift's.
        family: The shift's; empty for the first two.
        cells: One for each real site, then one for their mean.
        gain: Spearman of the mean less that of clean, with its 95 % interval.
        beats: Whether that gain holds: of a shift after Holm's correction over all of them; of their mean, which is
            asked about once, where its interval lies above zero.
        fails: Whether it is a loss that holds.
    """

    name: str
    family: str
    cells: Sequence[RankCorrelation]
    gain: tuple[float, float, float]
    beats: bool
    fails: bool


@dataclass(frozen=True)
class Correlation:
    """The heat map.

    Args:
        entries: How many.
        sites: Titles of the columns.
        rows: Clean first, then the mean of all synthesized shifts, then the shifts by falling correlation with the mean
            of the real sites.
        answer: Whether synthesized shifts predict the real ones better than clean performance does.
        sentence: The answer and what else the heat map says, or why it says nothing.
    """

    entries: int
    sites: Sequence[str]
    rows: Sequence[HeatRow]
    answer: str
    sentence: str


def correlation(board: Board) -> Correlation | None:
    """Returns how well each synthesized shift, and clean, order the entries as the real sites do.

    In each replicate the groups are drawn anew, the same for all entries, and the entries too. None where the protocol
    lacks synthesized or real shifts, or there are fewer than two entries.
    """
    protocol, metric = board.protocol, board.rank_by
    if not protocol.shifts or not protocol.targets or len(board.rows) < 2:
        return None
    predictors = [CLEAN, ALL, *(f"shift/{name}" for name in protocol.shifts)]
    sites = [f"real/{name}" for name in protocol.targets] + ["real"]
    columns = [*predictors, *sites]
    values = np.array([[row.aggregates[name, metric].value for name in columns] for row in board.rows])
    again = _resampled(board, columns, len(predictors))
    point = spearman(values, len(predictors))
    low, high = _interval(again)
    cells = [
        [
            RankCorrelation(
                float(point[p, s]),
                float(low[p, s]),
                float(high[p, s]),
                kendall(values[:, p], values[:, len(predictors) + s]),
            )
            for s in range(len(sites))
        ]
        for p in range(len(predictors))
    ]
    gains = point[:, -1] - point[0, -1]
    ends = np.stack(_interval(again[:, :, -1] - again[:, :1, -1]), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.nanstd(again[:, :, -1] - again[:, :1, -1], axis=0) if len(board.rows) >= FEWEST else np.nan
        chance = np.where(gains == 0, 1.0, 2 * norm.sf(np.abs(gains) / error))
    holds = np.zeros(len(chance), bool)
    holds[1] = bool((ends[1] > 0).all() or (ends[1] < 0).all())  # asked once, beforehand; the shifts are many looks
    holds[2:] = holm(chance[2:]) <= 1 - bootstrap.LEVEL
    found = [
        HeatRow(
            name.removeprefix("shift/"),
            protocol.shifts.get(name.removeprefix("shift/"), ""),
            cells[p],
            (float(gains[p]), float(ends[p, 0]), float(ends[p, 1])),
            bool(holds[p] and gains[p] > 0),
            bool(holds[p] and gains[p] < 0),
        )
        for p, name in enumerate(predictors)
    ]
    shifts = sorted(found[2:], key=lambda row: (-np.nan_to_num(row.cells[-1].spearman, nan=-2), row.name))
    titles = [*protocol.targets, MEAN]
    return Correlation(
        len(board.rows), titles, [*found[:2], *shifts], *_said(len(board.rows), found[0], found[1], shifts)
    )


def spearman(values: Floats, predictors: int) -> Floats:
    """Returns (P, S) Spearman's correlation of the first P columns with the others; NaN where a column is constant."""
    ranks = rankdata(values, axis=0).astype(np.float64)
    ranks[:, np.isnan(values).any(axis=0)] = 0  # a column that lacks an entry is constant, so undefined
    centred = ranks - ranks.mean(axis=0)
    scale = np.sqrt((centred**2).sum(axis=0))
    unit = np.where(scale > 0, centred / np.where(scale > 0, scale, 1), np.nan)
    return np.asarray(np.clip(unit[:, :predictors].T @ unit[:, predictors:], -1, 1))


def kendall(one: Floats, other: Floats) -> float:
    """Returns Kendall's tau-b; NaN where one of them is constant or undefined."""
    if np.isnan([one, other]).any():
        return math.nan
    return float(kendalltau(one, other).statistic)


def _resampled(board: Board, columns: Sequence[str], predictors: int) -> Floats:
    """Returns (B, P, S) the correlations with groups and entries drawn anew."""
    count, replicates = len(board.rows), board.rows[0].scored.tracks.shape[1]
    if count < FEWEST:
        return np.full((1, predictors, len(columns) - predictors), np.nan)
    tracks = np.empty((replicates, count, len(columns)), np.float32)
    for number, row in enumerate(board.rows):
        tracks[:, number] = np.stack([row.track(name) for name in columns], axis=1)
    drawn = bootstrap.resample_counts(count, replicates, board.protocol.seed, "entries").astype(np.int64)
    found = []
    for replicate in range(replicates):
        chosen = np.repeat(np.arange(count), drawn[replicate])
        found.append(spearman(tracks[replicate, chosen].astype(np.float64), predictors))
    return np.stack(found)


def _interval(again: Floats) -> tuple[Floats, Floats]:
    """Returns the ends of the 95 % interval along the first axis; NaN where most replicates are undefined."""
    low, high = (np.full(again.shape[1:], np.nan) for _ in range(2))
    for place in np.ndindex(*again.shape[1:]):
        low[place], high[place] = bootstrap.interval(again[(slice(None), *place)])
    return low, high


def _said(entries: int, clean: HeatRow, synthesized: HeatRow, shifts: Sequence[HeatRow]) -> tuple[str, str]:
    """Returns the answer, and with it what else the heat map says, or why it says nothing."""
    if entries < FEWEST:
        odds = f"2 in {math.factorial(entries)}"
        answer = (
            f"With {entries} entries this cannot be answered yet: their order at two places agrees or reverses by mere "
            f"chance in {odds} cases. It takes at least {FEWEST} entries that differ, better {PLENTY} or more."
        )
        return answer, f"{answer} The numbers are drawn to show what will be measured; read nothing from them."
    gain, low, high = synthesized.gain
    verdict = "Yes" if synthesized.beats else "No, worse" if synthesized.fails else "Not supported"
    change = f"{gain:+.2f}" + ("" if math.isnan(low) else f" [{low:+.2f}, {high:+.2f}]")
    answer = (
        f"{verdict}: over {entries} entries, the mean of all synthesized shifts orders them as the mean of the real "
        f"sites does with a rank correlation of {_number(synthesized.cells[-1])}, clean performance with "
        f"{_number(clean.cells[-1])}; the gain is {change}."
    )
    few = f" {entries} entries are few: the intervals are wide." if entries < PLENTY else ""
    parts = [answer + few, f"The single shift that agrees best is {shifts[0].name}, {_number(shifts[0].cells[-1])}."]
    for verb, names in (
        ("Better", [row.name for row in shifts if row.beats]),
        ("Worse", [row.name for row in shifts if row.fails]),
    ):
        if names:
            shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
            parts.append(f"{verb} than clean, after correction for {len(shifts)} looks: {shown}.")
    if not any(row.beats for row in shifts):
        parts.append(f"That a single shift does better than clean is not supported for any of the {len(shifts)}.")
    return answer + few, " ".join(parts)


def _number(cell: RankCorrelation) -> str:
    if math.isnan(cell.spearman):
        return "undefined"
    if math.isnan(cell.low):
        return f"{cell.spearman:.2f}"
    return f"{cell.spearman:.2f} (95 % interval {cell.low:.2f} to {cell.high:.2f})"
