"""Test-time classifier adjustment: the last layer becomes the mean of sure test features, without a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.search_space import Choice, Space
from ..common.entropy import entropies
from ..common.networks import Network
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class T3A(TimmRecipe):
    """Replace the last layer's weights by the mean of the surest test features of each class so far.

    A batch of one image is as good as any: the network looks at images one by one, and the memory fills up in the same
    order. Where one class dominates the stream, or is all of it, its prototype moves and the others stay the source's
    last layer, of length 1; features taken for another class pull that one over: known to harm.

    Args:
        supports: How many features a class keeps, the surest.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Iwasawa and Matsuo, NeurIPS 2021"
    search: ClassVar[Space] = {**TimmRecipe.search, "supports": Choice((5, 20, 50, 100))}

    supports: int = 100

    def __post_init__(self) -> None:
        """Refuse an empty memory."""
        super().__post_init__()
        if self.supports < 1:
            raise ValueError("supports must be at least 1")

    def fit(self, access: Access) -> Predictor:
        """Returns the adjusting network."""
        return T3APredictor(shared_model(access, self), self.supports)


class T3APredictor:
    """Keeps the surest features of each class and predicts by their mean.

    Args:
        network: A `networks.Network`; its last layer gives the first prototypes.
        supports: How many features a class keeps.
    """

    def __init__(self, network: Network, supports: int) -> None:
        self.network = network.eval()
        self.supports = supports
        self.head = network.head
        first = self.head.weight.detach()
        self.features = nn.functional.normalize(first)
        with torch.no_grad():
            self.labels, self.entropies = self._label(first)

    def _label(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what the source's last layer says of features: class and entropy, (N,) each."""
        logits = self.head(features)
        return logits.argmax(1), entropies(logits)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K); the batch counts for its own predictions."""
        features = self.network.features(images)
        labels, entropies = self._label(features)
        self.features = torch.cat([self.features, nn.functional.normalize(features)])
        self.labels, self.entropies = torch.cat([self.labels, labels]), torch.cat([self.entropies, entropies])
        kept = torch.cat([self._surest(k) for k in range(self.head.out_features)])
        self.features, self.labels, self.entropies = self.features[kept], self.labels[kept], self.entropies[kept]
        member = nn.functional.one_hot(self.labels, self.head.out_features).to(self.features.dtype)
        weights = nn.functional.normalize(member.T @ self.features)
        return (features @ weights.T).softmax(1)

    def _surest(self, k: int) -> Tensor:
        index = (self.labels == k).nonzero().flatten()
        return index[self.entropies[index].argsort(stable=True)[: self.supports]]
