"""Adversarial adaptation: train features from which a discriminator cannot tell source from target images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import LogUniform, Space
from ...benchmark.contract.sees import Sees
from ..common.entropy import confidence_weights
from ..common.recipe import Recipe, TimmRecipe
from ..common.source_model import timm_network
from ..common.target_batches import TargetBatches
from ..common.training import Classifier
from ..networks.network import Network
from ..networks.suitability import features_for


@dataclass(frozen=True)
class Dann(TimmRecipe):
    """Fine-tune from ImageNet while the features learn to fool a domain discriminator.

    Each batch holds images of one target. Known to be unstable, and to harm where class
    proportions differ between source and target: what separates the classes then separates the domains, too. The epoch
    is chosen on source validation, which does not measure how well the domains are aligned.

    Args:
        weight: Factor of the reversed gradient at the end of training; it grows from 0 as in the paper.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Ganin et al., JMLR 2016, arXiv 1505.07818"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(0.1, 10.0)}
    conditional: ClassVar[bool] = False

    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a negative weight."""
        super().__post_init__()
        if self.weight < 0:
            raise ValueError("weight must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        name = f"imagenet, {'conditional ' * self.conditional}adversary x {self.weight}"
        loss = AdversarialLoss(access, self, self.weight, self.conditional)
        need = features_for("cdan" if self.conditional else "dann")
        return Classifier(timm_network(access, self, name, loss=loss, equip=loss.equip, need=need), self.part_size)


@dataclass(frozen=True)
class Cdan(Dann):
    """Fine-tune from ImageNet while features times predictions learn to fool a domain discriminator (CDAN+E).

    Fails where `dann` fails; and where predictions on the targets are confidently wrong, the wrong features are
    aligned.

    Args:
        weight: Factor of the reversed gradient at the end of training; it grows from 0 as in the paper.
    """

    paper: ClassVar[str] = "Long et al., NeurIPS 2018, arXiv 1705.10667"
    conditional: ClassVar[bool] = True


HIDDEN = 1024
LARGEST_PRODUCT = 4096  # features x classes, beyond which random projections replace the product


class AdversarialLoss:
    """Cross-entropy on the source plus the discriminator's loss, whose gradient is reversed for the features.

    Both batches pass through the network as one. The factor of the reversed gradient grows with the fraction p of
    training that is done, as 2 / (1 + exp(-10 p)) - 1.

    Args:
        access: What may be seen.
        recipe: Gives the length of training, and whether images are mirrored.
        weight: Factor of the reversed gradient at the end.
        conditional: Whether the discriminator sees features times predicted probabilities and gives confident images
            more weight (CDAN+E), or features only (DANN).
    """

    def __init__(self, access: Access, recipe: Recipe, weight: float, conditional: bool) -> None:
        self.targets = TargetBatches(access, mirror=recipe.mirror)
        self.weight, self.conditional = weight, conditional
        self.calls, self.steps = 0, recipe.length
        # a batch holds at most all training images, and then passes in fewer parts than asked for
        self.per_step = recipe.parts(min(recipe.batch_size, len(access.train)))

    def equip(self, network: Network) -> None:
        """Attach a discriminator to the network, to be trained with it."""
        classes, features = network.head.weight.shape
        network.discriminator = Discriminator(features, classes if self.conditional else 0)

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Return the loss of one batch; the target batch has the size of the source batch."""
        net = cast(Network, network)
        discriminator = cast(Discriminator, net.discriminator)
        features = net.features(torch.cat([images, self.targets.draw(images, draws)]))
        logits = net.head(features)
        reversed_features = reversed_gradient(
            features, self.weight * strength(self.calls // self.per_step / self.steps)
        )
        self.calls += 1
        predicted = logits.detach()
        probabilities = predicted.softmax(1) if self.conditional else None
        judged = discriminator(reversed_features, probabilities)
        is_source = torch.zeros_like(judged)
        is_source[: len(images)] = 1
        confidence = torch.cat([confidence_weights(part) for part in predicted.chunk(2)]) if self.conditional else None
        adversary = nn.functional.binary_cross_entropy_with_logits(judged, is_source, confidence)
        return nn.functional.cross_entropy(logits[: len(images)], labels, weights) + adversary

    def state_dict(self) -> dict[str, int]:
        """Return how far training is; the discriminator belongs to the network."""
        return {"calls": self.calls}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue where training was."""
        self.calls = state["calls"]


class Discriminator(nn.Module):
    """Classify features, or their product with class probabilities, as source or target.

    A product of more than 4096 entries is replaced by the product of two fixed random projections (Long et al.,
    section 3.2).

    Args:
        features: Number of features.
        classes: Number of classes; 0 for features only.
    """

    of_features: Tensor
    of_classes: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.mapped = features * classes > LARGEST_PRODUCT
        if self.mapped:
            self.register_buffer("of_features", torch.randn(features, HIDDEN))
            self.register_buffer("of_classes", torch.randn(classes, HIDDEN))
        width = HIDDEN if self.mapped else features * max(1, classes)
        self.layers = nn.Sequential(
            nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
        )

    def forward(self, features: Tensor, probabilities: Tensor | None) -> Tensor:
        """Return source logits (N,) of features (N, F) and probabilities (N, K) or None."""
        seen = features
        if probabilities is not None and self.mapped:
            seen = (features @ self.of_features) * (probabilities @ self.of_classes) / math.sqrt(HIDDEN)
        elif probabilities is not None:
            seen = (features[:, :, None] * probabilities[:, None, :]).flatten(1)
        logits: Tensor = self.layers(seen)
        return logits.squeeze(1)


def strength(done: float) -> float:
    """Return the schedule of the reversed gradient, 0 to 1, at a fraction of training done, 0 to 1."""
    return 2 / (1 + math.exp(-10 * done)) - 1


def reversed_gradient(features: Tensor, factor: float) -> Tensor:
    """Return features whose gradient is multiplied by -factor on the way back."""
    same = features.clone()
    same.register_hook(lambda gradient: -factor * gradient)  # type: ignore[no-untyped-call]
    return same
