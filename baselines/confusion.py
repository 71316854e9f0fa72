"""The loss of `mcc`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..benchmark.contract.access import Access
from .entropy import sureness
from .unlabelled import drawn, unlabelled


def class_confusion(logits: Tensor, temperature: float) -> Tensor:
    """Returns how far predictions confuse classes with one another: 0 if every image is surely of one class.

    Classes correlate over the batch, sure images weigh more, and every class counts alike.

    Args:
        logits: (N, K).
        temperature: Divides them.
    """
    probabilities = (logits / temperature).softmax(1)
    weights = sureness((logits / temperature).detach())
    correlation = (probabilities * weights[:, None]).T @ probabilities
    correlation = correlation / correlation.sum(1, keepdim=True).clamp(min=1e-12)
    return (correlation.sum() - correlation.trace()) / len(correlation)


class Confused:
    """Cross-entropy on the source plus the class confusion of an unlabelled target batch, in one pass."""

    def __init__(self, access: Access, temperature: float, weight: float) -> None:
        self.target = unlabelled(access)
        self.temperature, self.weight = temperature, weight

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Returns the loss of one batch; as many target images are drawn as there are source images."""
        source, target = network(torch.cat([images, drawn(self.target, images, draws)])).chunk(2)
        supervised = nn.functional.cross_entropy(source, labels, weights)
        return supervised + self.weight * class_confusion(target, self.temperature)
