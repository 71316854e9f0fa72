"""Unsupervised adaptation by minimum class confusion on the targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import LogUniform, Space
from ...benchmark.contract.sees import Sees
from ..common.entropy import confidence_weights
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.target_batches import TargetBatches
from ..common.training import Classifier


@dataclass(frozen=True)
class Mcc(TimmRecipe):
    """Minimise the confusion between classes on the targets while fine-tuning from ImageNet.

    Each batch holds images of one target: over several together, calling one target one class and another target the
    other would be the best of all predictions. Known to be weak with two classes, where every uncertain image confuses
    the same pair, and to make rare classes rarer.

    Args:
        temperature: Divides the logits of target images.
        weight: Weight of the confusion term in the loss.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Jin et al., ECCV 2020, arXiv 1912.03699"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(0.1, 10.0)}

    temperature: float = 2.5
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        if self.temperature <= 0 or self.weight < 0:
            raise ValueError("temperature must be above 0, weight not negative")

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        name = f"imagenet, class confusion at {self.temperature} x {self.weight}"
        loss = ClassConfusionLoss(access, self.temperature, self.weight, mirror=self.mirror)
        return Classifier(timm_network(access, self, name, loss=loss), self.part_size)


class ClassConfusionLoss:
    """Cross-entropy on the source plus the class confusion of an unlabelled target batch, in one pass."""

    def __init__(self, access: Access, temperature: float, weight: float, *, mirror: bool = True) -> None:
        self.targets = TargetBatches(access, mirror=mirror)
        self.temperature, self.weight = temperature, weight

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Return the loss of one batch; the target batch has the size of the source batch."""
        source, target = network(torch.cat([images, self.targets.draw(images, draws)])).chunk(2)
        supervised = nn.functional.cross_entropy(source, labels, weights)
        return supervised + self.weight * class_confusion(target, self.temperature)


def class_confusion(logits: Tensor, temperature: float) -> Tensor:
    """Measure how much predictions confuse classes with one another: 0 if every prediction is one-hot.

    The class correlation is taken over the batch; confident images weigh more, and all classes weigh the same.

    Args:
        logits: (N, K).
        temperature: Divides the logits.
    """
    logarithms = (logits / temperature).log_softmax(1)
    weights = confidence_weights((logits / temperature).detach())
    # every row is scaled before it is normalised: a class that no image is given is confused with all others, and its
    # probabilities must not vanish in rounding, or the surest collapse would be the best of all predictions
    scaled = (logarithms - logarithms.detach().amax(0)).exp()
    correlation = (scaled * weights[:, None]).T @ logarithms.exp()
    correlation = correlation / correlation.sum(1, keepdim=True)
    return (correlation.sum() - correlation.trace()) / len(correlation)
