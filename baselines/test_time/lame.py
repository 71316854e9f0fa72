"""Test-time correction of the outputs alone: neighbours in feature space are drawn to the same class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.search_space import Choice, Space
from ..common.networks import Network
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Lame(TimmRecipe):
    """Correct the probabilities of a test batch so that near features agree; the network stays as it is.

    Made for streams in which neighbours belong together; known to hurt on shuffled, independent ones.

    A batch of one image has no neighbours and keeps the network's probabilities. A batch of one class is what the
    method is made for: doubtful images are drawn to the surer ones' class, wrongly where most are wrong. In a batch
    with fewer images of a class than `neighbours`, that class has neighbours of another and may be drawn over.

    Args:
        neighbours: Nearest features in the batch that count.
        steps: At most so many fixed-point iterations.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Boudiaf et al., CVPR 2022, arXiv 2201.05718"
    search: ClassVar[Space] = {**TimmRecipe.search, "neighbours": Choice((1, 3, 5, 10))}

    neighbours: int = 5
    steps: int = 100

    def fit(self, access: Access) -> Predictor:
        """Returns the network with the correction behind it."""
        return LamePredictor(shared_model(access, self), self.neighbours, self.steps)


CONVERGED = 1e-8  # relative change of the energy
FLOOR = 1e-10


class LamePredictor:
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
        return adjust(probabilities, affinity(features, self.neighbours), self.steps)


def affinity(features: Tensor, neighbours: int) -> Tensor:
    """Returns (N, N): 1/2 or 1 where one or both of two samples count the other among their nearest."""
    unit = nn.functional.normalize(features)
    distance = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    count = min(neighbours, len(features) - 1)
    near = torch.zeros_like(distance)
    if count:
        near.scatter_(1, distance.topk(count, largest=False).indices, 1.0)
    return (near + near.T) / 2


def adjust(probabilities: Tensor, kernel: Tensor, steps: int) -> Tensor:
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
