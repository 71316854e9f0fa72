"""Which seeds may well be alike: those that stand on one fit, by what their cards say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..source_models import uses_source_models

if TYPE_CHECKING:
    from ..board import Row

LENGTHS = ("budget", "steps", "epochs")  # settings of what is trained by steps


@dataclass(frozen=True, eq=False)
class Lineages:
    """What the cards of (S,) seeds say of the fit that they stand on.

    Args:
        row: Index of the entry.
        method: Index of the name of the method.
        seed: The training seed.
        ours: Whether it is said to be a baseline of medshift.
        adapts: Whether it is one that stands on the models of `imagenet-finetune`.
        solved: Whether it is one that is not trained by steps: it has no luck of its own.
    """

    row: NDArray[np.int64]
    method: NDArray[np.int64]
    seed: NDArray[np.int64]
    ours: NDArray[np.bool_]
    adapts: NDArray[np.bool_]
    solved: NDArray[np.bool_]

    def related(self, some: slice) -> NDArray[np.bool_]:
        """Return (some, S) whether two seeds may stand on one fit, and so be nearly equal.

        These are the same seed of one method of medshift with other settings, or of methods that adapt one source
        model, and all seeds of what is solved.
        """
        both = self.ours[some, None] & self.ours
        method = self.method[some, None] == self.method
        models = self.adapts[some, None] & self.adapts
        apart = (self.row[some, None] != self.row) & (self.seed[some, None] == self.seed)
        solved = self.solved[some, None] & self.solved & method
        return np.asarray(both & ((apart & (method | models)) | solved))

    def one_fit(self, some: slice) -> NDArray[np.bool_]:
        """Return (some, S) whether two seeds may be equal: those of one entry that is solved."""
        return np.asarray((self.row[some, None] == self.row) & self.solved[some, None])


def lineages(rows: Sequence[Row]) -> Lineages:
    """Read the lineages of the seeds of all entries, in their order."""
    methods = {name: number for number, name in enumerate(sorted({row.cards[0].baseline.name for row in rows}))}
    counts = [len(row.cards) for row in rows]
    each = [(methods[row.cards[0].baseline.name], _ours(row), uses_source_models(row), _solved(row)) for row in rows]
    columns = [np.repeat(np.array(column), counts) for column in zip(*each, strict=True)]
    method, ours, adapts, solved = columns if columns else [np.zeros(0, int)] * 4
    seeds = np.array([card.seed for row in rows for card in row.cards], np.int64)
    of = np.repeat(np.arange(len(rows)), counts)
    return Lineages(of, method, seeds, ours.astype(bool), adapts.astype(bool), solved.astype(bool))


def _ours(row: Row) -> bool:
    return row.cards[0].baseline.distribution.startswith("medshift ")


def _solved(row: Row) -> bool:
    untrained = all(card.training is None for card in row.cards)
    return _ours(row) and untrained and not any(name in row.cards[0].baseline.config for name in LENGTHS)
