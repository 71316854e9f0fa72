"""Entropy of predictions."""

from __future__ import annotations

from torch import Tensor


def entropies(logits: Tensor) -> Tensor:
    """Returns the entropy of each prediction (N, K), in nats, (N,)."""
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def confidence_weights(logits: Tensor) -> Tensor:
    """Returns (N,) weights, 1 on average, the larger the surer: 1 + exp(-entropy) before they are scaled."""
    weights = 1 + (-entropies(logits)).exp()
    return weights * (len(weights) / weights.sum())
