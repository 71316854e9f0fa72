"""From submissions to one ranked table."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...benchmark.contract.sees import SEES, Sees
from ...benchmark.protocols.protocol import Protocol
from ...benchmark.scoring import bootstrap
from ...benchmark.scoring.metrics import METRICS
from ...benchmark.scoring.scores import board_metrics
from ...benchmark.submissions import submission
from ...benchmark.submissions.card import Card
from ...benchmark.submissions.verification_record import VerificationRecord
from ..entries import entries
from ..entries import workers as work
from ..entries.entries import ProtocolFolder
from ..entries.figures import NOTHING, Figure, Figures
from ..entries.scoring import Scored
from . import comparisons
from .comparisons import Comparisons

MOST_NOTED = 10  # entries with odd pixels that are named


@dataclass(frozen=True, eq=False)
class Row:
    """One entry.

    Args:
        name: The entry's.
        cards: One a seed.
        marks: One a seed: that it was verified, or None.
        scored: Its scores.
        aggregates: Figures by name and metric, mean over the seeds.
        conditions: Figures by key and metric, mean over the seeds.
        rank: Among those that see the same, by `shifted` of the first metric; equals share one; None where undefined.
        ranks: Between which ranks it lies in 95 % of the resamples.
        tier: Among those that see the same; entries of one tier cannot be told apart.
        behind: How much better it is than the best of those that see the same (so negative), with its interval; NaN for
            the best itself.
        supported: Whether that difference holds after Holm's correction.
    """

    name: str
    cards: tuple[Card, ...]
    marks: tuple[VerificationRecord | None, ...]
    scored: Scored
    aggregates: Figures
    conditions: Figures
    rank: int | None = None
    ranks: tuple[int, int] = (0, 0)
    tier: int = 0
    behind: Figure = NOTHING
    supported: bool = False

    @property
    def sees(self) -> Sees:
        """What the method looks at besides labelled source data."""
        return self.cards[0].baseline.sees

    @property
    def verified(self) -> bool:
        """Whether every seed was run again and came out the same."""
        return all(self.marks)

    def track(self, name: str) -> NDArray[np.float64]:
        """Returns the replicates of an aggregate, in the ranking metric."""
        return np.asarray(self.scored.tracks[self.aggregates.names.index(name)], dtype=np.float64)

    def spread(self, name: str) -> NDArray[np.float64]:
        """Returns what an aggregate varies by between seeds, as `Scored.spread` has it."""
        return np.asarray(self.scored.spread[len(self.conditions.names) + self.aggregates.names.index(name)])


@dataclass(frozen=True, eq=False)
class Board:
    """A ranked table.

    Args:
        protocol: The terms.
        sizes: Domain and split -> (samples, groups).
        rows: By what they see, then by rank.
        pairs: Every row with every other, in the order of the rows.
        notes: What was left out or looks odd, one line each; holds no text of a refused submission.
        refused: Why submissions were refused, one line each, with the first problem.
    """

    protocol: Protocol
    sizes: Mapping[tuple[str, str], tuple[int, int]]
    rows: Sequence[Row]
    pairs: Comparisons
    notes: Sequence[str]
    refused: Sequence[str] = ()

    @property
    def rank_by(self) -> str:
        """The metric that ranks."""
        return self.protocol.metrics[0]

    @property
    def ranked_figure(self) -> str:
        """The aggregate that ranks."""
        return ranked_figure(self.protocol)

    def by_sees(self) -> dict[Sees, list[Row]]:
        """Returns the rows by what they see, in the order of `SEES`."""
        groups = {sees: [row for row in self.rows if row.sees == sees] for sees in SEES}
        return {sees: rows for sees, rows in groups.items() if rows}

    def best_first(self) -> list[Row]:
        """Returns the rows by rank, whatever they see, then by name; those without a rank are last."""
        return sorted(self.rows, key=lambda row: (row.rank is None, row.rank or 0, row.name))


def ranked_figure(protocol: Protocol) -> str:
    """Returns the aggregate that ranks: `shifted`, or `clean` where the protocol has no shift at all."""
    return "shifted" if protocol.shifts or protocol.targets else "clean"


def rank_entries(
    contest: ProtocolFolder,
    replicates: int = bootstrap.REPLICATES,
    progress: Callable[[str], None] = lambda name: None,
    workers: int = 0,
) -> Board:
    """Returns the ranked table of a contest, every score computed from the predictions, now or before.

    Args:
        contest: Protocol, truth and folder.
        replicates: Of the bootstrap.
        progress: Called with the name of each entry.
        workers: Processes that score; by default one a core, at most eight. They are started afresh, so a script that
            calls this does so below `if __name__ == "__main__"`.
    """
    found, notes = entries.entries(contest)
    protocol = contest.protocol
    rows_expected = submission.expected_rows(protocol, contest.truth)
    drawn = bootstrap.resampled_splits(protocol, contest.truth, replicates)
    seeds, refused = {}, []
    for entry in found:
        seeds[entry.name], wrong = entries.check_seeds(contest, entry, rows_expected)
        refused += wrong
    asked = {name: given for name, given in seeds.items() if given}
    done, wrong = work.score_all(contest, asked, drawn, workers or min(os.cpu_count() or 1, 8), progress)
    refused += wrong
    if refused:
        what = "1 submission was" if len(refused) == 1 else f"{len(refused)} submissions were"
        notes.append(f"{what} refused and left out; `medshift check submission` says why")
    metrics = board_metrics(protocol)
    keys = [condition.key for condition in protocol.conditions()]
    rows = [
        Row(
            name,
            tuple(seed.card for seed in kept),
            tuple(seed.mark for seed in kept),
            scored,
            Figures(scored.names.tolist(), metrics, scored.aggregates),
            Figures(keys, metrics, scored.conditions),
        )
        for name, (kept, scored) in sorted(done.items())
    ]
    sizes = {key: (len(cell.labels), cell.weights.shape[1]) for key, cell in drawn.items()}
    tested = [cell for (_, split), cell in drawn.items() if split == "test"]
    by_class = METRICS[protocol.metrics[0]].by_class
    ordered, pairs = ranked(
        rows, protocol, min(cell.by_class if by_class else cell.weights.shape[1] for cell in tested)
    )
    return Board(protocol, sizes, ordered, pairs, notes + _odd_pixels(ordered), refused)


def ranked(rows: Sequence[Row], protocol: Protocol, groups: float) -> tuple[list[Row], Comparisons]:
    """Returns the rows with rank and tier, in the order of what they see, then of rank, then of name; and all pairs.

    Args:
        rows: Entries in any order.
        protocol: Its first metric ranks.
        groups: What number of groups the least certain test split is as uncertain as.
    """
    metric = protocol.metrics[0]
    higher = METRICS[metric].higher_is_better
    by = ranked_figure(protocol)
    values = np.array([row.aggregates[by, metric].value for row in rows])
    better = np.where(np.isnan(values), np.inf, -values if higher else values)
    order = sorted(range(len(rows)), key=lambda i: (SEES.index(rows[i].sees), better[i], rows[i].name))
    rows, values = [rows[i] for i in order], values[order]
    if not rows:
        return [], Comparisons(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 0), bool), np.zeros((0, 0)))
    tracks = np.stack([row.track(by) for row in rows])
    spread = np.stack([row.spread(by) for row in rows])
    seeds = np.array([len(row.cards) for row in rows], dtype=np.float64)
    pairs = comparisons.compare(values, tracks, groups, higher, spread, seeds, [row.sees for row in rows])
    done = []
    for sees in SEES:
        mine = [i for i, row in enumerate(rows) if row.sees == sees]
        if not mine:
            continue
        places = comparisons.ranks(values[mine], higher)
        between = comparisons.rank_intervals(tracks[mine], higher)
        for i, place, ends, tier in zip(mine, places, between, comparisons.tiers(mine, pairs.supported), strict=True):
            away = Figure(*pairs.interval(i, mine[0])) if i != mine[0] else rows[i].behind
            undefined = math.isnan(values[i])
            done.append(
                replace(
                    rows[i],
                    rank=None if undefined else int(place),
                    ranks=(0, 0) if undefined else (int(ends[0]), int(ends[1])),
                    tier=0 if undefined else tier,
                    behind=away,
                    supported=bool(pairs.supported[mine[0], i]),
                )
            )
    return done, pairs


def _odd_pixels(rows: Sequence[Row]) -> list[str]:
    """Returns a note for every submission whose shifts made other pixels than most."""
    prints: dict[str, list[str]] = {}
    for row in rows:
        for card in row.cards:
            text = "\n".join(f"{name} {value}" for name, value in sorted(card.shifts.items()))
            prints.setdefault(text, []).append(f"{row.name}/seed-{card.seed}")
    usual = max(prints.values(), key=len, default=[])
    odd = [name for names in prints.values() if names is not usual for name in names]
    said = "its shifts have other fingerprints than most entries', so it may have seen other pixels"
    more = [f"{len(odd) - MOST_NOTED} more have other fingerprints, too"] if len(odd) > MOST_NOTED else []
    return [f"{name}: {said}" for name in odd[:MOST_NOTED]] + more
