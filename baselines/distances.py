"""Distances between two batches of features, and the loss that adds one to the cross-entropy."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ..benchmark.contract.access import Access
from .networks import Network
from .unlabelled import drawn, unlabelled

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


class Aligned:
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
        source, target = net.features(torch.cat([images, drawn(self.target, images, draws)])).chunk(2)
        supervised = nn.functional.cross_entropy(net.head(source), labels, weights)
        return supervised + self.weight * self.distance(source, target)
