"""Test-time adaptation by reliable entropy, flat minima and a way back: `tent` made to last."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.search_space import LogUniform, Space
from ..common.batch_norm import batch_norms, forget_statistics
from ..common.entropy import entropies
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Sar(TimmRecipe):
    """Minimise entropy on confident predictions, sharpness-aware, and reset before the model collapses.

    As `tent`, but: images whose entropy is high do not count; the gradient is that of the worst point nearby
    (sharpness-aware minimisation); when the moving average of the entropy falls so low that the model must have
    collapsed, its parameters return to the source's; the last norms stay as they are.

    A batch of one image is normalised as by `tent`; it causes a step, small in proportion, if it is sure. A batch of
    one class drives the model towards that class until the average falls below `reset`, which undoes all of it. With
    two classes the margin keeps only images of p > 0.92; where the source model is surer than `reset` of everything, it
    starts over after every step, so that it is `adabn`.

    Args:
        test_lr: Learning rate of SGD with momentum 0.9, for batches of 64; smaller ones learn less in proportion.
        margin: Predictions count whose entropy is below this share of ln K.
        rho: How far away the worst point nearby is, in the norm of all parameters that learn.
        reset: Share of ln K below which the moving average of the entropy ends in starting over; the paper's is 0.2
            nats, of 1000 classes.
        frozen: Share of the norms, the last, that do not learn; the paper's last stage of a ResNet-50 has a fifth.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Niu et al., ICLR 2023, arXiv 2302.12400"
    search: ClassVar[Space] = {**TimmRecipe.search, "test_lr": LogUniform(2.5e-5, 2.5e-3)}

    test_lr: float = 2.5e-4
    margin: float = 0.4
    rho: float = 0.05
    reset: float = 0.029
    frozen: float = 0.2

    def __post_init__(self) -> None:
        """Refuse rates that cannot learn, and shares that are none."""
        super().__post_init__()
        if not (0 <= self.test_lr <= 1 and 0 <= self.rho <= 10):
            raise ValueError("test_lr must be in [0, 1], rho in [0, 10]")
        if not (0 < self.margin <= 1 and 0 <= self.reset <= 1 and 0 <= self.frozen < 1):
            raise ValueError("margin must be in (0, 1], reset in [0, 1], frozen in [0, 1)")

    def fit(self, access: Access) -> Predictor:
        """Returns the adapting network."""
        network = forget_statistics(shared_model(access, self))
        return SarPredictor(network, self.test_lr, self.margin, self.rho, self.reset, self.frozen)


FULL_BATCH = 64  # images for which the learning rate is meant
MOMENTUM = 0.9
MEMORY = 0.9  # of the moving average


class SarPredictor:
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
