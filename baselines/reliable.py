"""The predictor of `sar`."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .batch_norm import batch_norms
from .entropy import entropies

FULL_BATCH = 64  # images for which the learning rate is meant
MOMENTUM = 0.9
MEMORY = 0.9  # of the moving average


class ReliableMinimiser:
    """Predicts a batch, then takes one step towards surer predictions on those of its images that are sure already.

    Args:
        network: Its batch norms look at the batch (see `batch_norm.forget_statistics`).
        lr: Of SGD, on the gains and offsets of the batch norms alone, for a full batch.
        margin: Share of ln K below which an entropy counts as sure.
        rho: Length of the step up that sharpness-aware minimisation takes before it looks down.
        reset: Share of ln K below which the average entropy means collapse.
        frozen: Share of the norms, the last, that do not learn.
    """

    def __init__(self, network: nn.Module, lr: float, margin: float, rho: float, reset: float, frozen: float) -> None:
        self.network = network.eval().requires_grad_(False)
        norms = batch_norms(network)
        learning = norms[: max(1, round(len(norms) * (1 - frozen)))]
        self.learnt = [parameter.requires_grad_(True) for norm in learning for parameter in norm.parameters()]
        self.source = [parameter.detach().clone() for parameter in self.learnt]
        self.lr, self.margin, self.rho, self.reset = lr, margin, rho, reset
        self.average: float | None = None
        self.optimiser = torch.optim.SGD(self.learnt, lr=lr, momentum=MOMENTUM)

    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K), as they were before the step."""
        with torch.enable_grad():
            logits: Tensor = self.network(images)
            largest = math.log(logits.shape[1])
            entropy = self._step(images, entropies(logits), self.margin * largest)
        if entropy is not None:
            self.average = entropy if self.average is None else MEMORY * self.average + (1 - MEMORY) * entropy
            if self.average < self.reset * largest:
                self._start_over()
        return logits.detach().softmax(1)

    def _step(self, images: Tensor, entropy: Tensor, most: float) -> float | None:
        """Learns; returns the mean entropy at the worst point nearby, or None if nothing was sure there or here."""
        sure = entropy < most
        if not sure.any():
            return None
        up = torch.autograd.grad(entropy[sure].mean(), self.learnt)
        here = [parameter.detach().clone() for parameter in self.learnt]
        length = torch.stack([gradient.norm() for gradient in up]).norm() + 1e-12
        with torch.no_grad():
            for parameter, gradient in zip(self.learnt, up, strict=True):
                parameter += self.rho * gradient / length
        there = entropies(self.network(images))[sure]
        still = there < most
        mean = there[still].mean()
        down = torch.autograd.grad(mean, self.learnt) if still.any() else None
        self._set(here)
        if down is None:
            return None
        for parameter, gradient in zip(self.learnt, down, strict=True):
            parameter.grad = gradient
        self.optimiser.param_groups[0]["lr"] = self.lr * min(1.0, len(images) / FULL_BATCH)
        self.optimiser.step()
        return float(mean.detach())

    def _start_over(self) -> None:
        self._set(self.source)
        self.optimiser.state.clear()
        self.average = None

    @torch.no_grad()
    def _set(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self.learnt, values, strict=True):
            parameter.copy_(value)
