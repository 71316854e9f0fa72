"""Which of the weights that training passes through are kept, and when it stops."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Protocol, TypeAlias

from torch import nn

from ...benchmark.contract.access import Access
from .recipe import Recipe


class CheckpointPolicy(Protocol):
    """Watches one training; `over` tells that it should stop."""

    over: bool

    def after_step(self) -> None:
        """Is called after every step of the optimiser, the network being in training mode and left so."""
        ...

    def after_epoch(self, loss: float) -> bool:
        """Is called with the loss on source validation; returns whether the epoch's weights are among those kept."""
        ...

    def restore(self) -> None:
        """Gives the network the weights that are kept."""
        ...


MakeCheckpointPolicy: TypeAlias = "Callable[[nn.Module, Access, Recipe], CheckpointPolicy]"


class BestEpoch:
    """Keeps the epoch with the lowest loss on source validation; stops after `patience` epochs without a lower one."""

    def __init__(self, network: nn.Module, access: Access, recipe: Recipe) -> None:
        self.network, self.patience = network, recipe.patience
        self.best, self.waited, self.kept = math.inf, 0, copy.deepcopy(network.state_dict())
        self.over = False

    def after_step(self) -> None:
        """Nothing: whole epochs count."""

    def after_epoch(self, loss: float) -> bool:
        """Returns whether the loss is the lowest so far."""
        better = loss < self.best
        if better:
            self.best, self.waited, self.kept = loss, 0, copy.deepcopy(self.network.state_dict())
        else:
            self.waited += 1
        self.over = self.waited >= self.patience
        return better

    def restore(self) -> None:
        """Gives the network the best epoch's weights."""
        self.network.load_state_dict(self.kept)
