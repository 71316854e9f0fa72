"""Checkpoint selection and early stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Protocol, TypeAlias

from torch import nn

from ...benchmark.contract.access import Access
from .recipe import Recipe


class CheckpointPolicy(Protocol):
    """Watches one training run and decides which weights to keep; `over` is True once training should stop."""

    over: bool

    def after_step(self) -> None:
        """Called after every optimiser step; the network is in training mode and must be left in it."""
        ...

    def after_epoch(self, loss: float) -> bool:
        """Called with the source validation loss; return whether the epoch's weights are among those kept."""
        ...

    def restore(self) -> None:
        """Load the kept weights into the network."""
        ...


MakeCheckpointPolicy: TypeAlias = "Callable[[nn.Module, Access, Recipe], CheckpointPolicy]"


class BestEpoch:
    """Keeps the epoch of lowest source validation loss; stops after `patience` epochs without improvement."""

    def __init__(self, network: nn.Module, access: Access, recipe: Recipe) -> None:
        self.network, self.patience = network, recipe.patience
        self.best, self.waited, self.kept = math.inf, 0, copy.deepcopy(network.state_dict())
        self.over = False

    def after_step(self) -> None:
        """Do nothing: only whole epochs count."""

    def after_epoch(self, loss: float) -> bool:
        """Return whether the loss is the lowest so far."""
        better = loss < self.best
        if better:
            self.best, self.waited, self.kept = loss, 0, copy.deepcopy(self.network.state_dict())
        else:
            self.waited += 1
        self.over = self.waited >= self.patience
        return better

    def restore(self) -> None:
        """Load the best epoch's weights into the network."""
        self.network.load_state_dict(self.kept)
