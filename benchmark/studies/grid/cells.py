"""The cells of a study's grid, scored: each is one method at one level of every axis, over its seeds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ....leaderboard.entries.entries import ProtocolFolder, protocol_folders
from ....leaderboard.entries.scoring import PAIRED, over_seeds
from ....leaderboard.ranking.board import Board, Row, rank_entries
from ....leaderboard.ranking.learning import gain_of_seed, schedule, steps_of_seed
from ....leaderboard.ranking.one_seed import of_seed
from ....shifts.errors import MedshiftError
from ...protocols.training_sets.label_fractions import kept_fraction, label_budget
from ...scoring.estimate import Estimate, weighted
from ...scoring.metrics import METRICS
from ...submissions.card import Card
from ...submissions.learning_speed import Gain, StepsTo, common_level, steps_over_seeds
from ..stored import StoredStudy, StudyRun
from ..study import Figure, Setting

#: Figures that are steps of training: the share of the gain to which they count.
SHARES: Mapping[Figure, float] = {"steps-90": 0.9, "steps-95": 0.95, "common-90": 0.9, "common-95": 0.95}
#: Those of them that count to one level for all that are compared.
COMMON: tuple[Figure, ...] = ("common-90", "common-95")
MANY = 12  # submissions of a protocol for which processes of their own are worth the seconds that they take to start


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a cell: an entry of one protocol, with the seeds that belong to the cell."""

    board: Board
    row: Row
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell.

    Args:
        arm: The arm.
        levels: Axis -> level.
        pieces: Its submissions; several where each seed has a protocol of its own, with the same test images.
    """

    arm: str
    levels: Mapping[str, Setting]
    pieces: tuple[Piece, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its seeds, in order."""
        return tuple(sorted(seed for piece in self.pieces for seed in piece.seeds))

    @property
    def cards(self) -> list[tuple[str, Card]]:
        """(protocol, card) of every submission, by seed."""
        found = [
            (piece.board.protocol.name, card)
            for piece in self.pieces
            for card in piece.row.cards
            if card.seed in piece.seeds
        ]
        return sorted(found, key=lambda each: each[1].seed)

    @property
    def epochs(self) -> float:
        """How often its trainings saw each image, their mean; NaN where their course was not kept."""
        found = [
            curve.epoch[-1]
            for piece in self.pieces
            for card, curve in zip(piece.row.cards, piece.row.curves, strict=False)
            if card.seed in piece.seeds and curve is not None
        ]
        return sum(found) / len(found) if found else math.nan

    def estimate(self, figure: Figure, seeds: Sequence[int] = ()) -> Estimate:
        """Return a figure, other than steps, as the mean over seeds, with its replicates over groups, and each seed's.

        Replicate b has the same groups in every cell, so that differences are paired.

        Args:
            figure: The figure.
            seeds: Only these; all by default.
        """
        return over_seeds([self._of_seed(figure, piece, place) for piece, place in self._places(seeds)])

    def _of_seed(self, figure: Figure, piece: Piece, place: int) -> Estimate:
        """Return the figure of a seed with what is open of it; NaN if the protocol has none of the kind."""
        names = ("clean", "shifted") if figure == "drop" else (figure,)
        if not all(name in PAIRED and name in piece.row.aggregates for name in names):
            return Estimate(math.nan, np.full(piece.row.by_seed("clean").shape[1] - 1, np.nan))
        units = min(_units(each.board, figure) for each in self.pieces)
        bounds = (0.0, METRICS[piece.board.rank_by].most)
        found = [of_seed(piece.row, name, place, units, bounds) for name in names]
        return weighted(found, [1.0, -1.0]) if figure == "drop" else found[0]

    def steps(self, figure: Figure, seeds: Sequence[int] = (), level: float | None = None) -> StepsTo:
        """Return the steps to a share of each training's gain, or to a level.

        Args:
            figure: One of SHARES.
            seeds: Only these; all by default.
            level: The figure to be reached, from `common_level`; by default the share of each one's own gain.
        """
        places = self._places(seeds)
        found = [steps_of_seed(piece.board, piece.row, place, SHARES[figure], level) for piece, place in places]
        return steps_over_seeds(found, schedule([(piece.row, place) for piece, place in places]))

    def gains(self, seeds: Sequence[int] = ()) -> list[Gain]:
        """List what its trainings gain on source validation; none unless all gain something told from chance."""
        found = [gain_of_seed(piece.board, piece.row, place) for piece, place in self._places(seeds)]
        return [] if None in found else [gain for gain in found if gain]

    def _places(self, seeds: Sequence[int]) -> list[tuple[Piece, int]]:
        """List the pieces of some seeds, all by default, each with the place of its seed among the cards."""
        pieces = [(next(p for p in self.pieces if seed in p.seeds), seed) for seed in tuple(seeds) or self.seeds]
        return [(piece, [card.seed for card in piece.row.cards].index(seed)) for piece, seed in pieces]


def _units(board: Board, figure: Figure) -> float:
    """Return the effective number of groups behind a figure: that of the least certain test split in it."""
    source = board.units[board.protocol.source, "test"]
    targets = [board.units[target, "test"] for target in board.protocol.targets]
    if figure == "real":
        return min(targets, default=source)
    return min([source, *targets]) if figure in ("shifted", "drop") else source


@dataclass(frozen=True, eq=False)
class Grid:
    """The scored cells of a study.

    Args:
        stored: The study.
        cells: Those with at least one finished submission.
        missing: Runs that are not finished.
        stale: Those of them in whose place a submission stands that was made with other settings, code or images.
        refused: Refused submissions, one line each.
        board: A board of the study, for what all have in common.
        labels: Protocol -> how many labels of the source are used.
        kept: Protocol -> the fraction of the source's training groups that is used.
    """

    stored: StoredStudy
    cells: tuple[Cell, ...]
    missing: tuple[StudyRun, ...]
    refused: tuple[str, ...]
    board: Board
    labels: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, float] = field(default_factory=dict)
    stale: tuple[StudyRun, ...] = ()

    def fraction(self, cell: Cell) -> float:
        """Return the fraction of the source's training groups that a cell has, the mean over its seeds."""
        found = [self.kept[protocol] for protocol, _ in cell.cards]
        return sum(found) / len(found)

    def steps(self, cell: Cell, figure: Figure, seeds: Sequence[int] = ()) -> StepsTo:
        """Return steps of a cell as tables and figures show them: to a common level, to that of all cells that gain."""
        gains = self._gains if figure in COMMON else []
        return cell.steps(figure, seeds, common_level(gains, SHARES[figure]) if gains else None)

    @cached_property
    def _gains(self) -> list[Gain]:
        """What all trainings gain, of cells that gain something: an interval each, so they are computed once."""
        return [gain for each in self.cells for gain in each.gains()]

    def find(self, arm: str, levels: Mapping[str, Setting]) -> Cell | None:
        """Find a cell by its arm and levels; axes that do not apply to the arm are ignored."""
        own = {axis.name: levels[axis.name] for axis in self.stored.study.axes_of(arm) if axis.name in levels}
        return next((cell for cell in self.cells if cell.arm == arm and dict(cell.levels) == own), None)

    def last(self) -> dict[str, Setting]:
        """Return the last level of every axis."""
        return {axis.name: axis.levels[-1] for axis in self.stored.study.axes}


def read_grid(stored: StoredStudy, folder: Path, progress: Callable[[str], None] = lambda name: None) -> Grid:
    """Score the submissions of a study.

    Args:
        stored: The study.
        folder: Holds the submissions.
        progress: Called with the name of each entry that is scored.

    Raises:
        MedshiftError: No run is finished, or a protocol is damaged.
    """
    wanted: dict[str, set[str]] = {}
    for run in stored.runs:
        wanted.setdefault(run.protocol, set()).add(run.entry)
    folders = [found for found in protocol_folders(folder) if found.path.name in wanted]
    counts = Counter(run.protocol for run in stored.runs)
    boards = {
        found.path.name: rank_entries(
            found,
            progress=progress,
            workers=1 if counts[found.path.name] < MANY else 0,
            only=wanted[found.path.name],  # of a board that was copied into the folder, others are none of the study's
        )
        for found in folders
    }
    if not any(board.rows for board in boards.values()):
        wrong = [line for board in boards.values() for line in board.refused]
        raise MedshiftError("\n".join(wrong) or f"no run of study {stored.study.name!r} in {folder} is finished")
    rows = {(name, row.name): row for name, board in boards.items() for row in board.rows}
    together: dict[tuple[str, tuple[tuple[str, Setting], ...]], list[StudyRun]] = {}
    missing, stale = [], []
    for run in stored.runs:
        row = rows.get((run.protocol, run.entry))
        found = next((card for card in row.cards if card.seed == run.seed), None) if row else None
        if found is None:
            missing.append(run)
        elif stored.is_stale(run, found):
            missing.append(run)
            stale.append(run)
        else:
            together.setdefault((run.arm, tuple(run.levels.items())), []).append(run)
    if not together:
        others = ": its submissions were made with other settings, code or images" if stale else ""
        raise MedshiftError(f"no run of study {stored.study.name!r} in {folder} is finished{others}")
    cells = []
    for (arm, levels), runs in together.items():
        places = dict.fromkeys((run.protocol, run.entry) for run in runs)
        pieces = tuple(
            Piece(
                boards[protocol],
                rows[protocol, entry],
                tuple(run.seed for run in runs if (run.protocol, run.entry) == (protocol, entry)),
            )
            for protocol, entry in places
        )
        cells.append(Cell(arm, dict(levels), pieces))
    _require_same_tests(folders)
    refused = tuple(line for board in boards.values() for line in board.refused)
    some = next(board for board in boards.values() if board.rows)
    labels = {found.path.name: label_budget(found.protocol, found.truth) for found in folders}
    kept = {found.path.name: kept_fraction(found.protocol, found.truth) for found in folders}
    return Grid(stored, tuple(cells), tuple(missing), refused, some, labels, kept, tuple(stale))


def _require_same_tests(folders: Sequence[ProtocolFolder]) -> None:
    """Check that protocols differ in training only: else replicates would pair different patients.

    Raises:
        MedshiftError: Two protocols have different test splits.
    """
    first, *others = folders
    expected = _tests(first)
    for other in others:
        if _tests(other) != expected:
            raise MedshiftError(
                f"protocols {first.protocol.name!r} and {other.protocol.name!r} of the study have different tests: "
                "their figures cannot be compared"
            )


def _tests(folder: ProtocolFolder) -> tuple[object, ...]:
    """Return what figures and their replicates depend on: test images with their groups, conditions, and the seed."""
    rows = folder.truth[folder.truth["split"] == "test"]
    images = sorted(map(tuple, rows[["domain", "sample_id", "group", "label"]].astype(str).to_numpy().tolist()))
    protocol = folder.protocol
    return images, [condition.key for condition in protocol.conditions()], protocol.seed
