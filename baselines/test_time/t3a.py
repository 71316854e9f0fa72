"""T3A: replace the last layer by class prototypes of confident test features, without a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...benchmark.contract.sees import Sees
from ..common.entropy import entropies
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model
from ..networks.network import Network
from ..networks.suitability import features_for


@dataclass(frozen=True)
class T3A(TimmRecipe):
    """Replace the last layer's weights by the mean of each class's most confident test features so far.

    Features are computed independently, and the memory fills in stream order. All images of a batch are in it before
    any of them is predicted, so that a larger batch looks further ahead; batches of one are the paper's online form.
    Where one class dominates the stream, only its prototype moves; the others stay the source's last layer, normalised
    to length 1, and misclassified features pull them over: known to harm. A class whose own weights the last layer
    takes for another class's has no prototype, and scores 0.

    Probabilities are the softmax of unscaled scores, whose order is the paper's; their calibration means nothing.

    Args:
        supports: Number of features kept per class, the most confident ones.
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
        """Train the source model and wrap it in the adjustment."""
        return T3APredictor(shared_model(access, self, features_for("t3a")), self.supports)


class T3APredictor:
    """Keeps the most confident features of each class and predicts by their mean.

    Args:
        network: The source model; its last layer gives the first prototypes.
        supports: Number of features kept per class.
    """

    def __init__(self, network: Network, supports: int) -> None:
        self.network = network.eval()
        self.supports = supports
        self.head = network.head
        first = self.head.weight.detach()
        self.features = nn.functional.normalize(first)
        with torch.no_grad():
            self.labels, self.entropies = self._label(first)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K); the batch contributes to its own prototypes."""
        features = self.network.features(images)
        labels, entropies = self._label(features)
        self.features = torch.cat([self.features, nn.functional.normalize(features)])
        self.labels, self.entropies = torch.cat([self.labels, labels]), torch.cat([self.entropies, entropies])
        kept = torch.cat([self._most_confident(k) for k in range(self.head.out_features)])
        self.features, self.labels, self.entropies = self.features[kept], self.labels[kept], self.entropies[kept]
        member = nn.functional.one_hot(self.labels, self.head.out_features).to(self.features.dtype)
        weights = nn.functional.normalize(member.T @ self.features)
        return (features @ weights.T).softmax(1)

    def _label(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Predict class and entropy of features by the source's last layer, (N,) each."""
        logits = self.head(features)
        return logits.argmax(1), entropies(logits)

    def _most_confident(self, k: int) -> Tensor:
        index = (self.labels == k).nonzero().flatten()
        return index[self.entropies[index].argsort(stable=True)[: self.supports]]
