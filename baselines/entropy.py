"""The predictor of `tent`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .batch_norm import batch_norms


class EntropyMinimiser:
    """Predicts a batch, then takes one step towards surer predictions on it.

    Args:
        network: Its batch norms look at the batch (see `batch_norm.forget_statistics`).
        lr: Of Adam, on the gains and offsets of the batch norms alone.
    """

    def __init__(self, network: nn.Module, lr: float) -> None:
        self.network = network.eval().requires_grad_(False)
        learnt = [parameter.requires_grad_(True) for norm in batch_norms(network) for parameter in norm.parameters()]
        self.optimiser = torch.optim.Adam(learnt, lr=lr)

    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K), as they were before the step."""
        with torch.enable_grad():
            logits: Tensor = self.network(images)
            entropy = entropies(logits).mean()
            self.optimiser.zero_grad(set_to_none=True)
            entropy.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        return logits.detach().softmax(1)


def entropies(logits: Tensor) -> Tensor:
    """Returns the entropy of each prediction (N, K), in nats, (N,)."""
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def sureness(logits: Tensor) -> Tensor:
    """Returns (N,) weights, 1 on average, the larger the surer: 1 + exp(-entropy) before they are scaled."""
    weights = 1 + (-entropies(logits)).exp()
    return weights * (len(weights) / weights.sum())
