"""Entropy of predictions."""

from __future__ import annotations

from torch import Tensor


def entropies(logits: Tensor) -> Tensor:
    """Return the entropy of each row of logits (N, K), in nats, (N,)."""
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def confidence_weights(logits: Tensor) -> Tensor:
    """Return weights (N,) that grow with confidence: 1 + exp(-entropy), scaled to a mean of 1."""
    weights = 1 + (-entropies(logits)).exp()
    return weights * (len(weights) / weights.sum())
