"""Unsupervised adaptation by aligning the distributions of source and target features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import LogUniform, Space
from ...benchmark.contract.sees import Sees
from ...shifts.errors import MedshiftError
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.target_batches import TargetBatches
from ..common.training import Classifier
from ..networks.network import Network
from ..networks.suitability import features_for


@dataclass(frozen=True)
class Coral(TimmRecipe):
    """Align the covariance of source and target features while fine-tuning (Deep CORAL).

    Each batch holds images of one target. Differences in class proportions are aligned away with the rest.

    Args:
        weight: Weight of the alignment term in the loss. The paper chooses it such that both terms are about equal at
            the end of training; with its factor 1 / (4 d^2), the term is hundreds of times smaller than the
            cross-entropy.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Sun and Saenko, ECCV-W 2016, arXiv 1607.01719"
    distance: ClassVar[str] = "coral"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(1.0, 1000.0)}

    weight: float = 200.0

    def __post_init__(self) -> None:
        """Refuse a negative weight."""
        super().__post_init__()
        if self.weight < 0:
            raise ValueError("weight must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        name = f"imagenet, {self.distance} alignment x {self.weight}"
        loss = AlignmentLoss(access, self.distance, self.weight, mirror=self.mirror)
        return Classifier(timm_network(access, self, name, loss=loss, need=features_for(self.distance)), self.part_size)


@dataclass(frozen=True)
class Mmd(Coral):
    """Align source and target features by maximum mean discrepancy while fine-tuning (DAN, on the last features).

    Args:
        weight: Weight of the alignment term in the loss.
    """

    paper: ClassVar[str] = "Long et al., ICML 2015, arXiv 1502.02791"
    distance: ClassVar[str] = "mmd"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(0.1, 30.0)}

    weight: float = 1.0


class AlignmentLoss:
    """Cross-entropy on the source plus a distance between features of source and unlabelled target batches.

    Both pass through the network as one batch, so batch norms see both. Batches, and parts of them, hold at least two
    images wherever there are two to train on.

    Raises:
        MedshiftError: No target has images to adapt to, or the source has a single training image: it has no
            covariance, nor a distance to others.
    """

    def __init__(self, access: Access, distance: str, weight: float, *, mirror: bool = True) -> None:
        self.targets = TargetBatches(access, mirror=mirror)
        if len(access.train) < 2:
            raise MedshiftError(
                f"{distance} compares distributions, and the source has a single training image: choose another "
                "--source, or a baseline that needs none of the targets' images"
            )
        self.distance, self.weight = DISTANCES[distance], weight

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Return the loss of one batch; the target batch has the size of the source batch."""
        net = cast(Network, network)
        source, target = net.features(torch.cat([images, self.targets.draw(images, draws)])).chunk(2)
        supervised = nn.functional.cross_entropy(net.head(source), labels, weights)
        return supervised + self.weight * self.distance(source, target)


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Return the squared difference between the covariances of features (N, F) and (M, F): mean over entries / 4."""
    difference = torch.cov(source.T) - torch.cov(target.T)
    return difference.square().mean() / 4


BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the Gaussian kernels, in units of the mean squared distance


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Return the squared maximum mean discrepancy of features (N, F) and (M, F) under a sum of Gaussian kernels.

    The unbiased estimate: no feature is compared with itself, so that it is 0 on average for equal distributions, and
    may be below.
    """
    both = torch.cat([source, target])
    squared = torch.cdist(both, both, compute_mode="donot_use_mm_for_euclid_dist").square()
    scale = squared.detach().mean().clamp(min=1e-12)
    kernel = torch.stack([(-squared / (width * scale)).exp() for width in BANDWIDTHS]).sum(0)
    n, m = len(source), len(target)
    within = [
        (part.sum() - part.trace()) / (count * (count - 1))
        for part, count in ((kernel[:n, :n], n), (kernel[n:, n:], m))
    ]
    return within[0] + within[1] - 2 * kernel[:n, n:].mean()


DISTANCES = {"coral": coral, "mmd": mmd}
