"""The record of a training on the source: how long it was, and how the loss on source validation fell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingRecord:
    """The record of one training.

    Args:
        steps: Optimiser steps of the whole schedule.
        losses: (step, loss on source validation) of every evaluation, in order; the last one is where training ended.
    """

    steps: int
    losses: tuple[tuple[int, float], ...]

    @property
    def run(self) -> int:
        """Steps that were run; fewer than `steps` if training was stopped early."""
        return self.losses[-1][0]

    @property
    def kept(self) -> int:
        """Step of the lowest loss."""
        return min(self.losses, key=lambda each: (each[1], each[0]))[0]
