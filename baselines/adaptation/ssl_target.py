"""Self-supervised adaptation: pre-train on source and target images without labels, then fine-tune on the source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.precision import computing_in, scaler
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...benchmark.contract.sees import Sees
from ...benchmark.contract.training_record import TrainingRecord
from ...benchmark.datasets.images import Pool
from ...benchmark.datasets.streaming.ahead import made_ahead
from ...shifts.errors import MedshiftError
from ..common.initial_weights import load_all
from ..common.networks import Network
from ..common.recipe import Recipe, TimmRecipe
from ..common.source_model import timm_network
from ..common.suitability import features_for
from ..common.target_batches import need_targets, unlabelled
from ..common.training import Classifier, Loss, train
from ..common.training_state import Stage


@dataclass(frozen=True)
class SslTarget(TimmRecipe):
    """Pre-train on unlabelled source and target images (SimSiam), then fine-tune on the source.

    Views of an image are random crops of at least half of it, randomly mirrored, and slightly brighter or darker: a
    mild form of what `exposure` and `contrast-loss` test (`intensity=0` turns it off). Known to collapse or to have no
    effect on few images, and to unlearn ImageNet if it runs for long; a spread near 0 in the log means collapse. Costs
    about as much as the fine-tuning if the targets have as many adaptation images as the source has training images.

    Args:
        start: Initial weights: `imagenet` or `random`.
        pretrain_epochs: Passes over all images without labels; the paper has 100 on ImageNet, from random weights.
        pretrain_batch: Batch size of pre-training.
        width: Width of the projections, as in the paper. The predictor's hidden layer is a quarter as wide.
        intensity: The gain of a view is 1 +- this, its offset 0 +- half of this.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Chen and He, Exploring simple Siamese representation learning, CVPR 2021, arXiv 2011.10566"
    search: ClassVar[Space] = {**TimmRecipe.search, "pretrain_epochs": Choice((1, 2, 4))}

    start: Literal["imagenet", "random"] = "imagenet"
    pretrain_epochs: int = 2
    pretrain_batch: int = 64
    width: int = 2048
    intensity: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that cannot train."""
        super().__post_init__()
        if self.pretrain_epochs < 1 or self.pretrain_batch < 2 or self.width < 4:
            raise ValueError("pretrain_epochs must be at least 1, pretrain_batch at least 2, width at least 4")
        if not 0 <= self.intensity <= 0.5:
            raise ValueError("intensity must be in [0, 0.5]")

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        if len(access.spatial) != 2:
            raise MedshiftError(f"ssl-target takes 2-D images; these are {len(access.spatial)}-D")
        need_targets(access)

        def learn(network: nn.Module, access: Access, recipe: Recipe, loss: Loss) -> TrainingRecord:
            assert isinstance(network, Network)
            pretrain(network, access, self.pretrain_epochs, self.pretrain_batch, self.width, self.intensity)
            return train(network, access, recipe, loss)

        how = f"{self.pretrain_epochs} {self.pretrain_batch} {self.width} {self.intensity}"
        load = load_all if self.start == "imagenet" else None
        name = f"{self.start}, self-supervised {how}"
        return Classifier(timm_network(access, self, name, load, learn=learn, need=features_for("ssl-target")))


def pretrain(network: Network, access: Access, epochs: int, batch_size: int, width: int, intensity: float) -> None:
    """Pre-train all but the last layer of a network in place, on unlabelled images of targets and source.

    Stochastic gradient descent as in the paper: momentum .9, weight decay .0001, a cosine schedule from .05 times
    batch size / 256; the predictor's learning rate stays constant.

    Raises:
        MedshiftError: Training diverged.
    """
    stage = Stage(network, access.device)
    if stage.result() is not None:
        return
    images = Pool([access.train, *unlabelled(access).parts])
    draws = torch.Generator().manual_seed(access.seed)
    heads = SimSiamHeads(network.head.in_features, width).to(access.device)
    computing_in(heads, access.precision)
    size = min(batch_size, len(images))
    steps = len(images) // size
    rate = 0.05 * size / 256
    falling = list(chain(network.parameters(), heads.projector.parameters()))
    groups = [{"params": falling}, {"params": list(heads.predictor.parameters())}]
    optimiser = torch.optim.SGD(groups, lr=rate, momentum=0.9, weight_decay=1e-4)
    scale, position = scaler(access), Epochs()
    stage.resume({"heads": heads, "optimiser": optimiser, "scaler": scale, "draws": draws, "position": position})
    network.train()
    for epoch in range(position.done, epochs):
        order = torch.randperm(len(images), generator=draws)
        parts = [order[step * size : (step + 1) * size] for step in range(steps)]
        read = (images.scaled(images.stored(part), access.device) for part in parts)
        total, spreads = 0.0, 0.0
        with made_ahead(read, access.device) as batches:
            for step, batch in enumerate(batches):
                optimiser.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * (epoch + step / steps) / epochs)) / 2
                views = [network.features(random_view(batch, intensity, draws)) for _ in range(2)]
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
            f"without labels, epoch {epoch + 1}/{epochs}: loss {total / steps:.3f}, "
            f"spread {spreads / steps:.2f} (0 is collapse)"
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


LEAST_AREA = 0.5  # fraction of the image in a view: a lesion should stay visible

LARGEST_ASPECT = 4 / 3


def random_view(images: Tensor, intensity: float, draws: torch.Generator) -> Tensor:
    """Draw a view of each image (N, C, H, W): cropped and resized, maybe mirrored, slightly brighter or darker.

    Args:
        images: In [0, 1].
        intensity: The gain is 1 +- this, the offset 0 +- half of this, the same for all channels.
        draws: Source of random numbers.
    """
    count = len(images)
    area, aspect, flip, gain, offset = torch.rand(5, count, generator=draws)
    area = LEAST_AREA + (1 - LEAST_AREA) * area
    stretch = (LARGEST_ASPECT ** (2 * aspect - 1)).sqrt()
    sides = (area.sqrt()[:, None] * torch.stack([stretch, 1 / stretch], 1)).clamp(max=1)  # across, down
    centre = (1 - sides) * (2 * torch.rand(count, 2, generator=draws) - 1)
    mirror = torch.where(flip < 0.5, -1.0, 1.0)
    move = torch.zeros(count, 2, 3)
    move[:, 0, 0], move[:, 1, 1], move[:, :, 2] = sides[:, 0] * mirror, sides[:, 1], centre
    grid = nn.functional.affine_grid(move.to(images.device), list(images.shape), align_corners=False)
    seen = nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    gain, offset = 1 + intensity * (2 * gain - 1), intensity * (offset - 0.5)
    gain, offset = (each.view(-1, 1, 1, 1).to(images.device) for each in (gain, offset))
    view: Tensor = (seen * gain + offset).clamp(0, 1)
    return view
