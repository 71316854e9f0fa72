"""Rank the entries of one protocol."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...benchmark.contract.sees import SEES, Sees
from ...benchmark.contract.training_record import Curve
from ...benchmark.protocols.protocol import Protocol
from ...benchmark.protocols.remarks import FEW_GROUPS, group_remarks, site_remarks
from ...benchmark.scoring import bootstrap
from ...benchmark.scoring.metrics import METRICS, metric_title
from ...benchmark.scoring.scores import board_metrics
from ...benchmark.submissions.card import Card
from ...benchmark.submissions.verification_record import VerificationRecord
from ..entries.entries import ProtocolFolder, find_entries
from ..entries.figures import NOTHING, Figure, Figures
from ..entries.scoring import Scored, paired_names
from ..entries.workers import score_all
from . import comparisons, source_models
from .comparisons import Comparisons
from .fingerprints import unusual_pixels
from .scrutiny.remark import Remark
from .scrutiny.scrutinise import scrutinise


@dataclass(frozen=True, eq=False)
class Row:
    """One entry.

    Args:
        name: Name of the entry.
        cards: One card per seed.
        marks: One verification record per seed; None if it was not verified.
        scored: Scores.
        aggregates: Figures by name and metric, mean over the seeds.
        conditions: Figures by key and metric, mean over the seeds.
        rank: Rank among entries with the same access, by `shifted` of the first metric; ties share a rank; None if
            undefined.
        ranks: 95 % interval of the rank (`comparisons.rank_intervals`).
        tier: Tier among entries with the same access: none in it is supported to be worse than the tier's leader.
        gap_to_best: Paired difference to the best entry with the same access, negative where this one is worse, with
            its interval; NaN for the best itself.
        supported: Whether that difference is supported after Holm's correction.
        curves: The course of the training of each seed; None where it was not kept.
        claimed: Whether it has no rank because nobody has run it again, where that is kept count of.
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
    gap_to_best: Figure = NOTHING
    supported: bool = False
    curves: tuple[Curve | None, ...] = ()
    claimed: bool = False

    @property
    def sees(self) -> Sees:
        """Access level: what the method sees in addition to labelled source data."""
        return self.cards[0].baseline.sees

    @property
    def coverage(self) -> float:
        """The share of images that the model answered, over all conditions and seeds; below 1 if it refuses some."""
        return sum(card.coverage for card in self.cards) / len(self.cards)

    @property
    def in_process(self) -> bool:
        """Whether a seed says that its method ran in the process that holds the labels."""
        return any(card.process == "in-process" and not card.baseline.external for card in self.cards)

    @property
    def verified(self) -> bool:
        """Whether every seed was rerun and reproduced."""
        return all(self.marks)

    def replicates(self, name: str) -> NDArray[np.float64]:
        """Return the (B,) replicates of an aggregate, in the ranking metric."""
        return np.asarray(self.scored.replicates[self.aggregates.names.index(name)], dtype=np.float64)

    def spread(self, name: str) -> NDArray[np.float64]:
        """Return (2,) `Scored.spread` of an aggregate."""
        return np.asarray(self.scored.spread[len(self.conditions.names) + self.aggregates.names.index(name)])

    def by_seed(self, name: str) -> NDArray[np.float64]:
        """Return (S, 1 + B) `Scored.by_seed` of `validation` or an aggregate, in the order of the cards."""
        which = paired_names(self.aggregates.names).index(name)
        return np.asarray(self.scored.by_seed[which], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Board:
    """A ranked table.

    Args:
        protocol: Protocol of the entries.
        sizes: (domain, split) -> (samples, groups).
        rows: Entries by access level, then by rank.
        pairs: Comparisons of every row with every other, in the order of the rows.
        notes: What was left out or looks unusual, one line each; holds no text of a refused submission.
        refused: Refused submissions, one line each, with the first problem.
        sites: What sites lack, and whether groups are single images (`remarks`), one line each.
        units: (domain, split) -> effective number of groups behind the ranking metric.
        remarks: What a maintainer should look at; no figure depends on it.
        own: Whether its protocol is the maintainers' own.
        registered: Whether it is kept count of which entries were run again; only those have a rank then.
    """

    protocol: Protocol
    sizes: Mapping[tuple[str, str], tuple[int, int]]
    rows: Sequence[Row]
    pairs: Comparisons
    notes: Sequence[str]
    refused: Sequence[str] = ()
    sites: Sequence[str] = ()
    units: Mapping[tuple[str, str], float] = field(default_factory=dict)
    remarks: Sequence[Remark] = ()
    own: bool = True
    registered: bool = False

    @property
    def rank_by(self) -> str:
        """The metric that ranks."""
        return self.protocol.metrics[0]

    @property
    def title(self) -> str:
        """The metric that ranks, as printed."""
        return metric_title(self.rank_by, self.protocol.positive)

    @property
    def few_groups(self) -> dict[str, int]:
        """The sites with few groups in their test split, and how many."""
        tested = {site: self.sizes[site, "test"][1] for site in self.protocol.targets}
        return {site: groups for site, groups in tested.items() if groups < FEW_GROUPS}

    @property
    def ranked_figure(self) -> str:
        """The aggregate that ranks."""
        return ranked_figure(self.protocol)

    def by_sees(self) -> dict[Sees, list[Row]]:
        """Group the rows that can have a rank by access level, in the order of `SEES`."""
        groups: dict[Sees, list[Row]] = {sees: [] for sees in SEES}
        for row in self.rows:
            if not row.claimed:
                groups[row.sees].append(row)
        return {sees: rows for sees, rows in groups.items() if rows}

    @property
    def claimed(self) -> list[Row]:
        """The rows that nobody has run again, where that is kept count of: they are listed without a rank."""
        return [row for row in self.rows if row.claimed]

    def groups(self) -> dict[Sees | Literal[""], list[Row]]:
        """Group all rows: by access level those that can have a rank, then the claimed ones under an empty name."""
        found: dict[Sees | Literal[""], list[Row]] = dict(self.by_sees().items())
        return {**found, "": self.claimed} if self.claimed else found

    def figure(self, row: Row) -> Figure:
        """Return the figure that ranks a row."""
        return row.aggregates[self.ranked_figure, self.rank_by]

    def best_first(self) -> list[Row]:
        """Sort the rows of all access levels by rank; those without one come last, by figure. Ties: by name."""
        sign = -1 if METRICS[self.rank_by].higher_is_better else 1

        def place(row: Row) -> tuple[bool, int, bool, float, str]:
            figure = self.figure(row)
            value = sign * figure.value if row.rank is None and figure.defined else 0.0
            return row.rank is None, row.rank or 0, not figure.defined, value, row.name

        return sorted(self.rows, key=place)


def ranked_figure(protocol: Protocol) -> str:
    """Return the aggregate that ranks: `shifted`, or `clean` if the protocol has no shift at all."""
    return "shifted" if protocol.shifts or protocol.targets else "clean"


def rank_entries(
    folder: ProtocolFolder,
    replicates: int = bootstrap.REPLICATES,
    progress: Callable[[str], None] = lambda name: None,
    workers: int = 0,
    only: Collection[str] | None = None,
) -> Board:
    """Score and rank the entries of a protocol folder; every score is computed from predictions, now or earlier.

    Args:
        folder: Protocol, truth and entries.
        replicates: Number of bootstrap replicates.
        progress: Called with the name of each entry that is scored.
        workers: Number of scoring processes; by default one per core, at most eight. They are spawned, so a script
            must call this under `if __name__ == "__main__"`.
        only: Names of the entries that count; all by default.
    """
    entries, notes = find_entries(folder)
    entries = [entry for entry in entries if only is None or entry.name in only]
    protocol = folder.protocol
    # without an entry, nothing is drawn: a protocol of many groups would take much memory for it
    splits = bootstrap.resampled_splits(protocol, folder.truth, replicates if entries else 0)
    done, refused = score_all(folder, entries, splits, workers or min(os.cpu_count() or 1, 8), progress)
    if refused:
        what = "1 submission was" if len(refused) == 1 else f"{len(refused)} submissions were"
        notes.append(f"{what} refused and left out; run `medshift check submission` for the reasons")
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
            curves=tuple(seed.curve for seed in kept),
            claimed=folder.register is not None and not all(seed.mark for seed in kept),
        )
        for name, (kept, scored) in sorted(done.items())
    ]
    sizes = {key: (len(part.labels), part.weights.shape[1]) for key, part in splits.items()}
    by_class = METRICS[protocol.metrics[0]].by_class
    units = {key: part.by_class if by_class else float(part.weights.shape[1]) for key, part in splits.items()}
    groups = min(count for (_, split), count in units.items() if split == "test")
    ordered, pairs = rank_rows(rows, protocol, groups)
    sites = (*site_remarks(protocol, folder.truth), *group_remarks(folder.truth))
    noted = notes + unusual_pixels(ordered)
    remarks = scrutinise(ordered, protocol, {key: groups for key, (_, groups) in sizes.items()})
    kept = folder.register is not None
    return Board(protocol, sizes, ordered, pairs, noted, refused, sites, units, remarks, folder.own, kept)


def rank_rows(rows: Sequence[Row], protocol: Protocol, groups: float) -> tuple[list[Row], Comparisons]:
    """Rank rows within each access level and compare all pairs.

    Args:
        rows: Entries in any order.
        protocol: Its first metric ranks.
        groups: Effective number of groups of the least certain test split.

    Returns:
        The rows with rank and tier, by access level, then rank, then name, and claimed ones without either after them;
        and their comparisons.
    """
    metric = protocol.metrics[0]
    higher = METRICS[metric].higher_is_better
    by = ranked_figure(protocol)
    values = np.array([row.aggregates[by, metric].value for row in rows])
    better = np.where(np.isnan(values), np.inf, -values if higher else values)
    order = sorted(range(len(rows)), key=lambda i: (rows[i].claimed, SEES.index(rows[i].sees), better[i], rows[i].name))
    rows, values = [rows[i] for i in order], values[order]
    if not rows:
        return [], Comparisons(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 0), bool), np.zeros((0, 0)))
    replicates = np.stack([row.replicates(by) for row in rows])
    spread = np.stack([row.spread(by) for row in rows])
    seeds = np.array([len(row.cards) for row in rows], dtype=np.float64)
    paired = source_models.paired_variances(rows, by, metric, groups)
    contests = ["" if row.claimed else row.sees for row in rows]
    pairs = comparisons.compare(
        values, replicates, groups, higher, spread, seeds, contests, paired, METRICS[metric].most
    )
    done = []
    for sees in SEES:
        peers = [i for i, contest in enumerate(contests) if contest == sees]
        if not peers:
            continue
        ranks = comparisons.ranks(values[peers], higher)
        intervals = comparisons.rank_intervals(pairs, peers)
        tiers = comparisons.tiers(peers, pairs.supported)
        for i, rank, (low, high), tier in zip(peers, ranks, intervals, tiers, strict=True):
            undefined = math.isnan(values[i])
            done.append(
                replace(
                    rows[i],
                    rank=None if undefined else int(rank),
                    ranks=(0, 0) if undefined else (int(low), int(high)),
                    tier=0 if undefined else tier,
                    gap_to_best=NOTHING if i == peers[0] else Figure(*pairs.interval(i, peers[0])),
                    supported=bool(pairs.supported[peers[0], i]),
                )
            )
    return [*done, *(row for row in rows if row.claimed)], pairs
