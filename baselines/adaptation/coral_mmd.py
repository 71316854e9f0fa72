"""Unsupervised adaptation by alignment: source features are to be spread as the targets' unlabelled ones are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.search_space import LogUniform, Space
from ..common.networks import Network
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.target_batches import draw_like, unlabelled
from ..common.training import Classifier

if TYPE_CHECKING:
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Coral(TimmRecipe):
    """Align the covariance of source and target features while fine-tuning (Deep CORAL).

    All targets' adaptation images together are one target. A difference in class mix is aligned away with the rest.

    Args:
        weight: Of the alignment in the loss.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Sun and Saenko, ECCV-W 2016, arXiv 1607.01719"
    distance: ClassVar[str] = "coral"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(0.1, 10.0)}

    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a negative weight."""
        super().__post_init__()
        if self.weight < 0:
            raise ValueError("weight must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        name = f"imagenet, aligned by {self.distance} x {self.weight}"
        loss = AlignmentLoss(access, self.distance, self.weight)
        return Classifier(timm_network(access, self, name, loss=loss))


@dataclass(frozen=True)
class Mmd(Coral):
    """Align source and target features by maximum mean discrepancy while fine-tuning (DAN, on the last features)."""

    paper: ClassVar[str] = "Long et al., ICML 2015, arXiv 1502.02791"
    distance: ClassVar[str] = "mmd"


BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the Gaussian kernels, in mean squared distances of the two batches


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Returns the squared difference of two batches' covariances (N, F), (M, F), averaged over its entries / 4."""
    difference = torch.cov(source.T) - torch.cov(target.T)
    return difference.square().mean() / 4


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Returns the squared maximum mean discrepancy of two batches (N, F), (M, F) under a mean of Gaussian kernels."""
    both = torch.cat([source, target])
    squared = torch.cdist(both, both, compute_mode="donot_use_mm_for_euclid_dist").square()
    scale = squared.detach().mean().clamp(min=1e-12)
    kernel = torch.stack([(-squared / (width * scale)).exp() for width in BANDWIDTHS]).mean(0)
    n = len(source)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


DISTANCES = {"coral": coral, "mmd": mmd}


class AlignmentLoss:
    """Cross-entropy on the source plus a distance between features of source and unlabelled target batches.

    Both pass through the network as one batch, so that its batch norms see both.
    """

    def __init__(self, access: Access, distance: str, weight: float) -> None:
        self.target = unlabelled(access)
        self.distance, self.weight = DISTANCES[distance], weight

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Returns the loss of one batch; as many target images are drawn as there are source images."""
        net = cast(Network, network)
        source, target = net.features(torch.cat([images, draw_like(self.target, images, draws)])).chunk(2)
        supervised = nn.functional.cross_entropy(net.head(source), labels, weights)
        return supervised + self.weight * self.distance(source, target)
