"""LAME: adjust the probabilities of a test batch towards those of neighbours in feature space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space, at_most
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model
from ..networks.network import Network
from ..networks.suitability import features_for


@dataclass(frozen=True)
class Lame(TimmRecipe):
    """Adjust the probabilities of a test batch so that neighbours in feature space agree; the network is unchanged.

    Designed for streams of correlated images; known to hurt on shuffled, independent ones.

    A batch of one image has no neighbours and keeps the network's probabilities. Batches of one class are the intended
    case: uncertain images follow the confident ones, wrongly where most of these are wrong. A class with fewer images
    in the batch than `neighbours` has neighbours of another class and may be absorbed by it.

    The paper searches three affinities. `knn` is symmetrised here; the authors' code does so only on request, and has
    `rbf` as its default.

    Args:
        affinity: `knn`: 1 for nearest neighbours of each other, 1/2 where only one is; `rbf`: a Gaussian of the
            distance, as wide as the mean distance to the last of the nearest neighbours; `linear`: the cosine.
        neighbours: Number of nearest neighbours in the batch; of `rbf`, each image itself is the first, so that there
            must be two.
        iterations: Maximum number of fixed-point iterations.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Boudiaf et al., CVPR 2022, arXiv 2201.05718"
    search: ClassVar[Space] = {
        **TimmRecipe.search,
        "affinity": Choice(("knn", "rbf", "linear")),
        "neighbours": Choice((3, 5)),  # of the paper's 1, 3 and 5, those that all affinities take
    }

    affinity: Literal["knn", "rbf", "linear"] = "knn"
    neighbours: int = 5
    iterations: int = field(default=100, metadata=at_most(10_000))

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        if self.neighbours < 1 or self.iterations < 1:
            raise ValueError("neighbours and iterations must be at least 1")
        if self.affinity == "rbf" and self.neighbours < 2:
            raise ValueError("neighbours must be at least 2 with affinity=rbf, whose first is each image itself")

    def fit(self, access: Access) -> Predictor:
        """Train the source model and wrap it in the adjustment."""
        network = shared_model(access, self, features_for("lame"))
        return LamePredictor(network, AFFINITIES[self.affinity], self.neighbours, self.iterations)


CONVERGED = 1e-8  # relative change of the energy
FLOOR = 1e-10


class LamePredictor:
    """Predicts a batch by Laplacian adjusted maximum-likelihood estimation.

    Args:
        network: The source model.
        affinity: (features (N, F), neighbours) -> affinity (N, N).
        neighbours: Number of nearest neighbours in the affinity.
        steps: Maximum number of iterations.
    """

    def __init__(
        self, network: Network, affinity: Callable[[Tensor, int], Tensor], neighbours: int, steps: int
    ) -> None:
        self.network, self.affinity = network.eval(), affinity
        self.neighbours, self.steps = neighbours, steps

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K)."""
        features = self.network.features(images)
        probabilities: Tensor = self.network.head(features).softmax(1)
        kernel = self.affinity(features, self.neighbours)
        if len(images) == 1:  # it would agree with itself, and grow surer
            kernel = torch.zeros_like(kernel)
        return adjust(probabilities, kernel, self.steps)


def knn_affinity(features: Tensor, neighbours: int) -> Tensor:
    """Build the affinity (N, N): 1 where two samples are nearest neighbours of each other, 1/2 where only one is."""
    unit = nn.functional.normalize(features)
    distance = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    count = min(neighbours, len(features) - 1)
    near = torch.zeros_like(distance)
    if count:
        near.scatter_(1, distance.topk(count, largest=False).indices, 1.0)
    return (near + near.T) / 2


def rbf_affinity(features: Tensor, neighbours: int) -> Tensor:
    """Build a Gaussian affinity (N, N) whose width is the mean distance to the last of `neighbours`, itself first."""
    unit = nn.functional.normalize(features)
    distance = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")
    width = distance.topk(min(neighbours, len(features)), largest=False).values[:, -1].mean()
    if not width:  # of images that are all the same
        return torch.eye(len(features), device=features.device)
    return (-distance.square() / (2 * width.square())).exp()


def linear_affinity(features: Tensor, neighbours: int) -> Tensor:
    """Return the cosines (N, N) between features; `neighbours` is not used."""
    unit = nn.functional.normalize(features)
    return unit @ unit.T


AFFINITIES = {"knn": knn_affinity, "rbf": rbf_affinity, "linear": linear_affinity}


def adjust(probabilities: Tensor, kernel: Tensor, steps: int) -> Tensor:
    """Adjust probabilities (N, K) along an affinity (N, N) by the paper's fixed-point iteration."""
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
