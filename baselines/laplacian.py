"""The predictor of `lame`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .networks import Network

CONVERGED = 1e-8  # relative change of the energy
FLOOR = 1e-10


class Laplacian:
    """Predicts a batch as Laplacian adjusted maximum-likelihood estimate.

    Args:
        network: A `networks.Network`.
        neighbours: Nearest features that count, in a binary, symmetric affinity.
        steps: At most so many iterations.
    """

    def __init__(self, network: Network, neighbours: int, steps: int) -> None:
        self.network = network.eval()
        self.neighbours, self.steps = neighbours, steps

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K)."""
        features = self.network.features(images)
        probabilities: Tensor = self.network.head(features).softmax(1)
        return adjusted(probabilities, affinity(features, self.neighbours), self.steps)


def affinity(features: Tensor, neighbours: int) -> Tensor:
    """Returns (N, N): 1/2 or 1 where one or both of two samples count the other among their nearest."""
    unit = nn.functional.normalize(features)
    distance = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    count = min(neighbours, len(features) - 1)
    near = torch.zeros_like(distance)
    if count:
        near.scatter_(1, distance.topk(count, largest=False).indices, 1.0)
    return (near + near.T) / 2


def adjusted(probabilities: Tensor, kernel: Tensor, steps: int) -> Tensor:
    """Returns probabilities (N, K) pulled together along a kernel (N, N), by the paper's fixed-point iteration."""
    unary = probabilities.clamp(min=FLOOR).log()
    current = unary.softmax(1)
    before = torch.inf
    for _ in range(steps):
        current = (unary + kernel @ current).softmax(1)
        energy = float(
            (-(unary * current) - 0.5 * (kernel @ current) * current + current * current.clamp(min=FLOOR).log()).sum()
        )
        if abs(energy - before) <= CONVERGED * abs(energy):
            break
        before = energy
    return current
