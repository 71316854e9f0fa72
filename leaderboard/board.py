"""From submissions to one ranked table: seeds averaged, groups and seeds resampled."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..benchmark import bootstrap
from ..benchmark.card import Card
from ..benchmark.estimate import Estimate
from ..benchmark.metrics import METRICS
from ..benchmark.protocol import Protocol
from ..benchmark.scores import Scores, score
from ..benchmark.sees import SEES, Sees
from ..shifts.errors import MedshiftError
from . import entries
from .entries import Contest, Entry


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval, without the replicates. NaN where undefined."""

    value: float
    low: float
    high: float
    samples: int
    groups: int


@dataclass(frozen=True, eq=False)
class Row:
    """One entry.

    Args:
        name: The entry's.
        rank: Among those that see the same, by `shifted` of the first metric; equals share one; None where undefined.
        cards: One a seed.
        aggregates: Name -> metric -> estimate, mean over the seeds, with replicates for paired comparisons.
        conditions: Key -> metric -> figure, mean over the seeds.
    """

    name: str
    rank: int | None
    cards: tuple[Card, ...]
    aggregates: Mapping[str, Mapping[str, Estimate]]
    conditions: Mapping[str, Mapping[str, Figure]]

    @property
    def sees(self) -> Sees:
        """What the method looks at besides labelled source data."""
        return self.cards[0].baseline.sees


@dataclass(frozen=True, eq=False)
class Board:
    """A ranked table.

    Args:
        protocol: The terms.
        sizes: Domain and split -> (samples, groups).
        rows: By what they see, then by rank.
        notes: What was left out or looks odd, one line each.
    """

    protocol: Protocol
    sizes: Mapping[tuple[str, str], tuple[int, int]]
    rows: Sequence[Row]
    notes: Sequence[str]

    @property
    def rank_by(self) -> str:
        """The metric that ranks."""
        return self.protocol.metrics[0]

    def by_sees(self) -> dict[Sees, list[Row]]:
        """Returns the rows by what they see, in the order of `SEES`."""
        groups = {sees: [row for row in self.rows if row.sees == sees] for sees in SEES}
        return {sees: rows for sees, rows in groups.items() if rows}


def board(
    contest: Contest,
    replicates: int = bootstrap.REPLICATES,
    progress: Callable[[str], None] = lambda name: None,
) -> Board:
    """Returns the ranked table of a contest, every score recomputed from the predictions.

    Args:
        contest: Protocol, truth and folder.
        replicates: Of the bootstrap.
        progress: Called with the name of each entry.

    Raises:
        MedshiftError: Submissions are not in order; one line for each.
    """
    found, notes = entries.entries(contest)
    drawn = bootstrap.cells(contest.protocol, contest.truth, replicates)
    rows, wrong = [], []
    for entry in found:
        progress(entry.name)
        try:
            rows.append(_row(contest, entry, drawn))
        except MedshiftError as error:
            wrong.append(str(error))
    if wrong:
        raise MedshiftError("\n".join(wrong))
    notes += _odd_pixels(rows)
    sizes = {key: (len(cell.labels), cell.weights.shape[1]) for key, cell in drawn.items()}
    return Board(contest.protocol, sizes, ranked(rows, contest.protocol.metrics[0]), notes)


def _row(contest: Contest, entry: Entry, drawn: Mapping[tuple[str, str], bootstrap.Cell]) -> Row:
    """Returns an entry without its rank."""
    loaded = entries.load(contest, entry)
    scored = [score(contest.protocol, contest.truth, arrays, drawn=drawn) for _, arrays in loaded]
    replicates = len(next(iter(drawn.values())).weights)
    seeds = bootstrap.draw(len(loaded), replicates, contest.protocol.seed, "seeds", entry.name)
    conditions = {
        key: {metric: figure(over_seeds([s.conditions[key][metric] for s in scored], seeds)) for metric in by_metric}
        for key, by_metric in scored[0].conditions.items()
    }
    return Row(entry.name, None, tuple(card for card, _ in loaded), _aggregates(scored, seeds), conditions)


def _aggregates(scored: Sequence[Scores], seeds: NDArray[np.float64]) -> dict[str, dict[str, Estimate]]:
    return {
        name: {metric: over_seeds([s.aggregates[name][metric] for s in scored], seeds) for metric in by_metric}
        for name, by_metric in scored[0].aggregates.items()
    }


def over_seeds(parts: Sequence[Estimate], drawn: NDArray[np.float64]) -> Estimate:
    """Returns the mean over seeds; in replicate b, groups are as in the seeds' replicate b and the seeds drawn anew.

    Drawing S seeds out of S makes their spread too small by sqrt((S - 1) / S), which is much at S = 3: it is stretched
    by the inverse (Davison and Hinkley 1997, section 2.3). One seed says nothing of that spread, and none is added.

    Args:
        parts: The figure of each of S seeds.
        drawn: (B, S) how often each seed counts in each replicate.
    """
    count = len(parts)
    table = np.stack([part.replicates for part in parts], axis=1)
    centre = table.mean(axis=1)
    again = (table * drawn).sum(axis=1) / count
    stretch = math.sqrt(count / (count - 1)) if count > 1 else 1.0
    value = float(np.mean([part.value for part in parts]))
    return replace(parts[0], value=value, replicates=centre + stretch * (again - centre))


def ranked(rows: Sequence[Row], rank_by: str) -> list[Row]:
    """Returns the rows with their ranks, in the order of what they see, then of rank, then of name."""
    higher = METRICS[rank_by].higher_is_better
    done = []
    for sees in SEES:
        mine = {row: _shifted(row, rank_by) for row in rows if row.sees == sees}
        for row, value in mine.items():
            better = sum(other > value if higher else other < value for other in mine.values())
            done.append(replace(row, rank=None if math.isnan(value) else better + 1))
    return sorted(done, key=lambda row: (SEES.index(row.sees), row.rank is None, row.rank or 0, row.name))


def _shifted(row: Row, metric: str) -> float:
    """Returns what ranks a row: `shifted`, or `clean` where the protocol has no shift at all."""
    found = row.aggregates.get("shifted", row.aggregates["clean"])
    return found[metric].value


def figure(estimate: Estimate) -> Figure:
    """Returns an estimate without its replicates."""
    return Figure(estimate.value, *estimate.interval, estimate.samples, estimate.groups)


def _odd_pixels(rows: Sequence[Row]) -> list[str]:
    """Returns a note for every submission whose shifts made other pixels than most."""
    prints: dict[str, list[str]] = {}
    for row in rows:
        for card in row.cards:
            text = "\n".join(f"{name} {value}" for name, value in sorted(card.shifts.items()))
            prints.setdefault(text, []).append(f"{row.name}/seed-{card.seed}")
    usual = max(prints.values(), key=len, default=[])
    return [
        f"{name}: its shifts have other fingerprints than most entries', so it may have seen other pixels"
        for names in prints.values()
        if names is not usual
        for name in names
    ]
