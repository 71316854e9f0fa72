"""SimSiam: self-supervised pre-training in which a network learns that two views show the same image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.precision import computing_in, scaler
from ...benchmark.datasets.images import Pool
from ...benchmark.datasets.streaming.ahead import made_ahead
from ...shifts.errors import MedshiftError
from ..common.training_state import Stage
from ..networks.network import Network
from .views import random_view

if TYPE_CHECKING:
    from .recipe import SelfSupervisedRecipe


def pretrain(network: Network, access: Access, recipe: SelfSupervisedRecipe, images: Pool, chosen: Tensor) -> None:
    """Pre-train all but the last layer of a network in place, on images without labels.

    Stochastic gradient descent as in the paper: momentum .9, weight decay .0001, a cosine schedule from .05 times
    batch size / 256; the predictor's learning rate stays constant.

    Args:
        network: The network.
        access: Gives seed, device and precision.
        recipe: The settings of pre-training.
        images: What may be looked at.
        chosen: Which of them are.

    Raises:
        MedshiftError: Training diverged.
    """
    stage = Stage(network, access.device)
    if stage.result() is not None:
        return
    draws = torch.Generator().manual_seed(access.seed)
    heads = SimSiamHeads(network.head.in_features, recipe.width).to(access.device)
    computing_in(heads, access.precision)
    size = min(recipe.pretrain_batch, len(chosen))
    steps = len(chosen) // size
    whole = recipe.pretrain_steps or recipe.pretrain_epochs * steps
    epochs, length = math.ceil(whole / steps), whole / steps  # the last epoch may be cut short
    rate = 0.05 * size / 256
    falling = list(chain(network.parameters(), heads.projector.parameters()))
    groups = [{"params": falling}, {"params": list(heads.predictor.parameters())}]
    optimiser = torch.optim.SGD(groups, lr=rate, momentum=0.9, weight_decay=1e-4)
    scale, position = scaler(access), Epochs()
    stage.resume({"heads": heads, "optimiser": optimiser, "scaler": scale, "draws": draws, "position": position})
    access.report(f"without labels: {whole:,} steps on {len(chosen):,} images")
    network.train()
    for epoch in range(position.done, epochs):
        order = chosen[torch.randperm(len(chosen), generator=draws)]
        count = min(steps, whole - epoch * steps)
        parts = [order[step * size : (step + 1) * size] for step in range(count)]
        read = (images.scaled(images.stored(part), access.device) for part in parts)
        total, spreads = 0.0, 0.0
        with made_ahead(read, access.device) as batches:
            for step, batch in enumerate(batches):
                optimiser.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * (epoch + step / steps) / length)) / 2
                drawn = (random_view(batch, recipe.intensity, draws, mirror=recipe.mirror) for _ in range(2))
                views = [network.features(view) for view in drawn]
                (first, predicted_second), (second, predicted_first) = (heads(features) for features in views)
                loss = similarity_loss((predicted_second, predicted_first), (first, second))
                optimiser.zero_grad(set_to_none=True)
                scale.scale(loss).backward()
                scale.step(optimiser)
                scale.update()
                total, spreads = total + float(loss.detach()), spreads + feature_spread(first.detach())
        if not math.isfinite(total):
            raise MedshiftError(f"self-supervised training diverged in epoch {epoch + 1}: the loss is not finite")
        access.report(
            f"without labels, epoch {epoch + 1}/{epochs}: loss {total / count:.3f}, "
            f"spread {spreads / count:.2f} (0 is collapse)"
        )
        position.done = epoch + 1
        stage.offer(f"epoch {epoch + 1} of {epochs} without labels")
    stage.end({})


@dataclass
class Epochs:
    """The number of epochs that are done."""

    done: int = 0

    def state_dict(self) -> dict[str, int]:
        """Return the number."""
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue after that many."""
        self.done = state["done"]


class SimSiamHeads(nn.Module):
    """SimSiam's heads on top of the features: a three-layer projector and a two-layer predictor.

    Args:
        features: Number of features.
        width: Width of the projections; the predictor's hidden layer is a quarter as wide.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.projector = nn.Sequential(
            *_block(features, width), *_block(width, width), nn.Linear(width, width, bias=False)
        )
        self.last = nn.BatchNorm1d(width, affine=False)
        self.predictor = nn.Sequential(*_block(width, width // 4), nn.Linear(width // 4, width))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return projections and predictions, (N, width) each."""
        projected = self.last(self.projector(features))
        return projected, self.predictor(projected)


def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)


def similarity_loss(predictions: tuple[Tensor, Tensor], projections: tuple[Tensor, Tensor]) -> Tensor:
    """Return minus the mean cosine between each view's predictions and the other's projections, without gradient."""
    cosines = [
        nn.functional.cosine_similarity(predicted, projected.detach()).mean()
        for predicted, projected in zip(predictions, reversed(projections), strict=True)
    ]
    return -torch.stack(cosines).mean()


def feature_spread(projections: Tensor) -> float:
    """Measure the spread of projections (N, F): about 1 if they differ in all directions, 0 if collapsed."""
    unit = nn.functional.normalize(projections)
    return float(unit.std(0).mean()) * math.sqrt(unit.shape[1])
