"""Entries that stand on several boards: their rank on each, and the mean rank, with intervals over patients.

A rank can be averaged over boards where a figure cannot: the first of five is the first of five on every data set,
while a balanced accuracy also tells how hard the set is. So ranks are among the entries that all boards share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...benchmark.contract.sees import SEES, Sees
from ...benchmark.scoring.bootstrap import LEVEL
from ...benchmark.scoring.metrics import METRICS
from ..entries.figures import NOTHING, Figure
from .board import Board, Row
from .comparisons import rank_intervals, ranks

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SharedEntry:
    """An entry that stands on at least two boards.

    Args:
        name: Its name.
        sees: Its access level.
        rows: Board -> its row there.
        ranks: Board -> its rank among the entries with the same access that all boards share, and the ends of its 95 %
            interval; empty unless it has a rank on every board.
        mean: The mean of these ranks, with its interval.
    """

    name: str
    sees: Sees
    rows: Mapping[str, Row]
    ranks: Mapping[str, tuple[int, int, int]]
    mean: Figure = NOTHING


@dataclass(frozen=True, eq=False)
class Across:
    """What several boards have in common.

    Args:
        boards: The boards that share an entry with another one.
        entries: By access level, then by mean rank, then by name; those without a rank on every board come last.
        draws: Board -> (n, B) resampled ranking figures of the entries with a rank, in order, higher being better. A
            column of one board has nothing to do with that of another: other patients were drawn.
    """

    boards: Sequence[Board]
    entries: Sequence[SharedEntry]
    draws: Mapping[str, Floats]

    @property
    def ranked(self) -> list[SharedEntry]:
        """The entries with a rank on every board."""
        return [entry for entry in self.entries if entry.ranks]

    @property
    def names(self) -> list[str]:
        """Names of the boards."""
        return [board.protocol.name for board in self.boards]

    def by_sees(self) -> dict[Sees, list[SharedEntry]]:
        """Group the entries with a rank by access level, in the order of `SEES`."""
        groups = {sees: [entry for entry in self.ranked if entry.sees == sees] for sees in SEES}
        return {sees: members for sees, members in groups.items() if members}


def across(boards: Sequence[Board]) -> Across | None:
    """Find the entries that several boards share, and rank them on each; None where no two boards share any.

    The project's own boards take part: a protocol that a stranger adds must not decide among whom entries are ranked.
    """
    own = {board.protocol.name: board for board in boards if board.own}
    found: dict[Hashable, dict[str, Row]] = {}
    for name, board in own.items():
        for row in board.rows:
            found.setdefault(identity(row), {})[name] = row
    shared = [rows for rows in found.values() if len(rows) > 1]
    # an entry that is only claimed must not decide among which boards others are ranked, either
    verified = [{name: row for name, row in rows.items() if not row.claimed} for rows in shared]
    decide = [rows for rows in verified if len(rows) > 1] or shared
    part = [board for name, board in own.items() if any(name in rows for rows in decide)]
    if not part:
        return None
    names = {board.protocol.name for board in part}
    shared = [there for rows in shared if len(there := {n: row for n, row in rows.items() if n in names}) > 1]
    ranked = [rows for rows in shared if len(rows) == len(part) and all(row.rank is not None for row in rows.values())]
    ranked.sort(key=lambda rows: (SEES.index(_first(rows).sees), _first(rows).name))
    draws = {board.protocol.name: _draws(board, [rows[board.protocol.name] for rows in ranked]) for board in part}
    entries = _ranked(part, ranked)
    order = sorted(range(len(entries)), key=lambda place: _place(entries[place]))
    rest = [SharedEntry(_first(rows).name, _first(rows).sees, rows, {}) for rows in shared if rows not in ranked]
    return Across(
        part,
        [*(entries[place] for place in order), *sorted(rest, key=_place)],
        {name: each[order] for name, each in draws.items()},
    )


def identity(row: Row) -> Hashable:
    """Return what makes entries of two boards the same: name, baseline, who publishes it, access level and budget."""
    baseline, tuning = row.cards[0].baseline, row.cards[0].tuning
    budget = (baseline.config.get("budget"), baseline.config.get("steps"), tuning and tuning.draws)
    steps = frozenset(card.training and card.training.steps for card in row.cards)
    return row.name, baseline.name, baseline.distribution.partition(" ")[0], row.sees, budget, steps


def quality(board: Board, values: Floats) -> Floats:
    """Turn figures of a board so that higher is better."""
    return values if METRICS[board.rank_by].higher_is_better else -values


def _first(rows: Mapping[str, Row]) -> Row:
    return next(iter(rows.values()))


def _place(entry: SharedEntry) -> tuple[int, float, str]:
    return SEES.index(entry.sees), entry.mean.value if entry.ranks else 0.0, entry.name


def _draws(board: Board, rows: Sequence[Row]) -> Floats:
    """Return (n, B) replicates of the ranking figure, in an order of the board's own.

    B is 0 if most are undefined, or of one group, whose resamples are all the same.

    Boards with as many patients are resampled by the same numbers. Their draws are independent all the same, because
    each board shuffles them.
    """
    if not rows:
        return np.zeros((0, 0))
    replicates = np.stack([row.replicates(board.ranked_figure) for row in rows])
    if min(count for (_, split), count in board.units.items() if split == "test") < 2:
        return replicates[:, :0]
    words = hashlib.sha256(f"across\x1f{board.protocol.name}\x1f{board.protocol.sha256}".encode()).digest()
    chosen = np.random.default_rng(list(words)).permutation(_whole(replicates))
    return quality(board, replicates[:, chosen])


def _whole(replicates: Floats) -> NDArray[np.int64]:
    """List the columns of (n, B) replicates in which no otherwise defined entry is undefined; none if most are not."""
    defined = ~np.isnan(replicates).all(axis=1)
    whole = np.flatnonzero(~np.isnan(replicates[defined]).any(axis=0))
    return whole if len(whole) >= max(1, replicates.shape[1] / 2) else whole[:0]


def _ranked(boards: Sequence[Board], shared: Sequence[Mapping[str, Row]]) -> list[SharedEntry]:
    """Rank entries, which come by access level, on every board within each level, and average their ranks.

    A mean rank is as uncertain as its ranks together: its interval is the mean of theirs, each of so high a level that
    all hold with 95 % (Bonferroni).
    """
    done: list[SharedEntry] = []
    together = 1 - (1 - LEVEL) / len(boards)
    for sees in dict.fromkeys(_first(rows).sees for rows in shared):
        peers = [rows for rows in shared if _first(rows).sees == sees]
        points, ends, wider = [], [], []
        for board in boards:
            name = board.protocol.name
            place = {row.name: number for number, row in enumerate(board.rows)}
            members = [place[rows[name].name] for rows in peers]
            values = np.array([board.figure(rows[name]).value for rows in peers])
            points.append(ranks(quality(board, values), True))
            ends.append(rank_intervals(board.pairs, members))
            wider.append(rank_intervals(board.pairs, members, together))
        for at, rows in enumerate(peers):
            found = {
                board.protocol.name: (int(point[at]), int(some[at, 0]), int(some[at, 1]))
                for board, point, some in zip(boards, points, ends, strict=True)
            }
            low, high = np.mean([each[at] for each in wider], axis=0).tolist()
            mean = Figure(float(np.mean([point[at] for point in points])), low, high)
            done.append(SharedEntry(_first(rows).name, sees, rows, found, mean))
    return done
