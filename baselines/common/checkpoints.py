"""Checkpoint selection and early stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from torch import nn

from ...benchmark.contract.access import Access
from .recipe import HALF, Recipe


class CheckpointPolicy(Protocol):
    """Watches one training run and decides which weights to keep; `over` is True once training should stop.

    One that comes from elsewhere may offer `state_dict` and `load_state_dict`, as optimisers do; without them, a
    training that is interrupted starts over.
    """

    over: bool

    def after_step(self) -> None:
        """Called after every optimiser step; the network is in training mode and must be left in it."""
        ...

    def after_evaluation(self, loss: float, done: float) -> bool:
        """Called with the source validation loss and the share of the schedule; return whether its weights are kept."""
        ...

    def restore(self) -> None:
        """Load the kept weights into the network."""
        ...


MakeCheckpointPolicy: TypeAlias = "Callable[[nn.Module, Access, Recipe], CheckpointPolicy]"


class BestEvaluation:
    """Keeps the weights of lowest source validation loss, and stops after `patience` without a lower one.

    That is counted at the earliest from where the rate has fallen to half of its peak: a random start may lie on a
    plateau until then, and at a high rate no loss foretells the last.
    """

    def __init__(self, network: nn.Module, access: Access, recipe: Recipe) -> None:
        self.network, self.patience = network, recipe.patience
        self.best, self.at, self.kept = math.inf, 0.0, copy.deepcopy(network.state_dict())
        self.over = False

    def after_step(self) -> None:
        """Do nothing: only evaluations count."""

    def after_evaluation(self, loss: float, done: float) -> bool:
        """Return whether the loss is the lowest so far."""
        better = loss < self.best
        if better:
            self.best, self.at, self.kept = loss, done, copy.deepcopy(self.network.state_dict())
        self.over = done >= HALF and done - max(self.at, HALF) >= self.patience
        return better

    def restore(self) -> None:
        """Load the best weights into the network."""
        self.network.load_state_dict(self.kept)

    def state_dict(self) -> dict[str, Any]:
        """Return the best evaluation so far and its weights."""
        return {"best": self.best, "at": self.at, "kept": self.kept, "over": self.over}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue with the best evaluation so far."""
        self.best, self.at, self.kept, self.over = (state[name] for name in ("best", "at", "kept", "over"))
