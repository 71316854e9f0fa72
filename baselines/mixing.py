"""The loss of `mixup`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class Mixed:
    """Cross-entropy of a batch mixed with itself in another order, one share a batch (as in the paper's own code)."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Returns the loss of one batch."""
        seed = int(torch.randint(2**31, (), generator=draws))
        share = float(np.random.Generator(np.random.Philox(seed)).beta(self.alpha, self.alpha))
        other = torch.randperm(len(images), generator=draws).to(images.device)
        logits = network(share * images + (1 - share) * images[other])
        first, second = (nn.functional.cross_entropy(logits, to, weights) for to in (labels, labels[other]))
        return share * first + (1 - share) * second
