"""Do synthesized shifts predict real ones? Rank correlation across entries, with clean figures as reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ...benchmark.contract.sees import SEES
from ...benchmark.files.wording import plural
from ...benchmark.scoring import bootstrap
from ..ranking.board import Board
from ..ranking.comparisons import holm
from ..ranking.networks import network_numbers, on_networks
from .rank_correlations import kendall, shared_weights, spearman

FEWEST = 5  # trained networks: with fewer, even perfect agreement is too likely by chance (2 of 4! orders are 8 %)
NAMED = 5  # shifts in a sentence
PLENTY = 10  # trained networks: with fewer, intervals are wide, as resamples consist mostly of repeated ones
CLEAN = "clean"
ALL = "synthesized"
MEAN = "all sites"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RankCorrelation:
    """Rank correlation of one predictor with one real site: 1 is the same order, -1 the reverse, 0 no relation.

    Args:
        spearman: Spearman's rank correlation; NaN if undefined (fewer than two different values).
        low: Lower end of its 95 % interval over trained networks and groups.
        high: Upper end.
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
        name: `clean`, `synthesized` (the mean of the families), or the name of a shift.
        family: Family of the shift; empty for the first two.
        cells: One for each real site, then one for their mean.
        gain: Correlation with the mean of the sites minus that of clean, with its 95 % interval.
        beats: Whether the gain is supported: for a single shift after Holm's correction over all of them; for
            `synthesized`, the one comparison planned beforehand, if its interval lies above zero.
        fails: Whether a loss is supported, likewise.
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
        entries: Number of entries.
        networks: Number of trained networks that they stand on.
        sites: Titles of the columns.
        rows: Clean first, then the mean of all synthesized shifts, then the shifts by decreasing correlation with the
            mean of the real sites.
        answer: Whether synthesized shifts predict the real ones better than clean performance does.
        sentence: The answer and further findings, or why the heat map must not be interpreted.
    """

    entries: int
    networks: int
    sites: Sequence[str]
    rows: Sequence[HeatRow]
    answer: str
    sentence: str


def correlation(board: Board) -> Correlation | None:
    """Correlate the ranking of entries under each synthesized shift, and on clean images, with that at each real site.

    Each replicate resamples the groups, in the same way for all entries, and the trained networks, each with all
    entries that stand on it. These share its luck, so that they are one case and not several: together they count once.
    None if the protocol lacks synthesized or real shifts or there are fewer than two entries.
    """
    protocol, metric = board.protocol, board.rank_by
    if not protocol.shifts or not protocol.targets or len(board.rows) < 2:
        return None
    predictors = [CLEAN, ALL, *(f"shift/{name}" for name in protocol.shifts)]
    sites = [f"real/{name}" for name in protocol.targets] + ["real"]
    columns = [*predictors, *sites]
    values = np.array([[row.aggregates[name, metric].value for name in columns] for row in board.rows])
    numbers = network_numbers(board.rows)
    networks, once = int(numbers.max()) + 1, shared_weights(numbers)
    resampled = _resampled(board, columns, len(predictors), numbers)
    point, tau = (each(values, len(predictors), once) for each in (spearman, kendall))
    low, high = _interval(resampled)
    cells = [
        [
            RankCorrelation(float(point[p, s]), float(low[p, s]), float(high[p, s]), float(tau[p, s]))
            for s in range(len(sites))
        ]
        for p in range(len(predictors))
    ]
    gains = point[:, -1] - point[0, -1]
    resampled_gains = resampled[:, :, -1] - resampled[:, :1, -1]
    ends = np.stack(_interval(resampled_gains), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.array([_spread(each) for each in resampled_gains.T])
        chance = np.where(gains == 0, 1.0, 2 * norm.sf(np.abs(gains) / error))
    supported = np.zeros(len(chance), bool)
    # the mean is one planned comparison; the single shifts are many, hence corrected
    supported[1] = bool((ends[1] > 0).all() or (ends[1] < 0).all())
    supported[2:] = holm(chance[2:]) <= 1 - bootstrap.LEVEL
    found = [
        HeatRow(
            name.removeprefix("shift/"),
            protocol.shifts.get(name.removeprefix("shift/"), ""),
            cells[p],
            (float(gains[p]), float(ends[p, 0]), float(ends[p, 1])),
            bool(supported[p] and gains[p] > 0),
            bool(supported[p] and gains[p] < 0),
        )
        for p, name in enumerate(predictors)
    ]
    shifts = sorted(found[2:], key=lambda row: (-np.nan_to_num(row.cells[-1].spearman, nan=-2), row.name))
    titles = [*protocol.targets, MEAN]
    answer, sentence = _interpretation(len(board.rows), networks, len(board.claimed), found[0], found[1], shifts)
    if networks >= FEWEST:
        sentence = " ".join(filter(None, [sentence, _source_alone(board)]))
    return Correlation(len(board.rows), networks, titles, [*found[:2], *shifts], answer, sentence)


def _source_alone(board: Board) -> str:
    """Say whether the same holds among the entries that see the source alone; empty if all do.

    Where those that see the target are ahead of the others under synthesized shifts and at real sites alike, the orders
    are alike whether or not shifts tell two methods of one access level apart.
    """
    rows = [row for row in board.rows if row.sees == SEES[0]]
    if len(rows) == len(board.rows):
        return ""
    begin = "How much a method may see can move it in all of these orders."
    networks = len(set(network_numbers(rows).tolist())) if rows else 0
    if networks < FEWEST:
        return f"{begin} Those that see the source alone stand on {plural(networks, 'network')}, too few to tell."
    found = correlation(replace(board, rows=rows))
    if found is None:
        return ""
    clean, synthesized = (row.cells[-1] for row in found.rows[:2])
    return (
        f"{begin} Among the {len(rows)} entries that see the source alone"
        f"{_of_which(sum(row.claimed for row in rows), '')}, the correlation is {_number(synthesized)} for the mean of "
        f"all synthesized shifts and {_number(clean)} for clean performance."
    )


def _resampled(board: Board, columns: Sequence[str], predictors: int, numbers: NDArray[np.int64]) -> Floats:
    """Compute the correlations with groups and the trained networks (n,) of the entries resampled: (B, P, S)."""
    entries, count = len(board.rows), board.rows[0].scored.replicates.shape[1]
    networks = int(numbers.max()) + 1
    if networks < FEWEST:
        return np.full((1, predictors, len(columns) - predictors), np.nan)
    replicates = np.empty((count, entries, len(columns)), np.float32)
    for number, row in enumerate(board.rows):
        replicates[:, number] = np.stack([row.replicates(name) for name in columns], axis=1)
    counts = bootstrap.resample_counts(networks, count, board.protocol.seed, "entries")
    found = []
    for values, weights in zip(replicates, shared_weights(numbers, counts), strict=True):
        drawn = weights > 0
        found.append(spearman(values[drawn].astype(np.float64), predictors, weights[drawn]))
    return np.stack(found)


def _interval(replicates: Floats) -> tuple[Floats, Floats]:
    """Compute the ends of the 95 % interval along the first axis; NaN where most replicates are undefined."""
    low, high = (np.full(replicates.shape[1:], np.nan) for _ in range(2))
    for index in np.ndindex(*replicates.shape[1:]):
        low[index], high[index] = bootstrap.interval(replicates[(slice(None), *index)])
    return low, high


def _interpretation(
    entries: int, networks: int, claimed: int, clean: HeatRow, synthesized: HeatRow, shifts: Sequence[HeatRow]
) -> tuple[str, str]:
    """Write the answer, and the answer with all further findings, or why there is none."""
    on = on_networks(entries, networks)
    units = "trained networks" if on else "entries"
    if networks < FEWEST:
        odds = f"2 in {math.factorial(networks)}" if networks > 1 else "1"
        answer = (
            f"With {entries} entries{on} this cannot be answered yet: two unrelated orders of {networks} agree or are "
            f"reversed with a chance of {odds}. At least {FEWEST} {units} that differ are needed, better {PLENTY} or "
            "more."
        )
        return answer, f"{answer} The numbers only show what will be measured; do not interpret them."
    gain, low, high = synthesized.gain
    if math.isnan(gain):
        answer = (
            f"This cannot be told: the {entries} entries have no order on clean images, under synthesized shifts or at "
            "the real sites, as their figures there are the same or undefined."
        )
        return answer, answer
    verdict = "Yes" if synthesized.beats else "No, worse" if synthesized.fails else "Not supported"
    change = f"{gain:+.2f}" + ("" if math.isnan(low) else f" [{low:+.2f}, {high:+.2f}]")
    each = f"{on}, each of which counts once" if on else ""
    answer = (
        f"{verdict}: over {entries} entries{each}{_of_which(claimed, on)}, the rank correlation with the mean of the "
        f"real sites is {_number(synthesized.cells[-1])} for the mean of all synthesized shifts and "
        f"{_number(clean.cells[-1])} for clean performance; the gain is {change}."
    )
    few = f" {networks} {units} are few, so the intervals are wide." if networks < PLENTY else ""
    best = f"The single shift with the highest correlation is {shifts[0].name}, {_number(shifts[0].cells[-1])}."
    parts = [answer + few, best]
    for adjective, names in (
        ("Better", [row.name for row in shifts if row.beats]),
        ("Worse", [row.name for row in shifts if row.fails]),
    ):
        if names:
            listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
            parts.append(f"{adjective} than clean after correction for {len(shifts)} comparisons: {listed}.")
    if not any(row.beats for row in shifts):
        parts.append(f"That a single shift predicts better than clean is not supported for any of the {len(shifts)}.")
    return answer + few, " ".join(parts)


def _spread(replicates: Floats) -> float:
    """Return the standard deviation of what is defined; NaN if nothing is."""
    defined = replicates[~np.isnan(replicates)]
    return float(defined.std()) if len(defined) else math.nan


def _of_which(claimed: int, on: str) -> str:
    return f", {claimed} of {'the entries' if on else 'them'} only claimed" if claimed else ""


def _number(cell: RankCorrelation) -> str:
    if math.isnan(cell.spearman):
        return "undefined"
    if math.isnan(cell.low):
        return f"{cell.spearman:.2f}"
    return f"{cell.spearman:.2f} (95 % interval {cell.low:.2f} to {cell.high:.2f})"
