"""The predictor of `t3a`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .entropy import entropies
from .networks import Network


class Prototypes:
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
