"""SAR: sharpness-aware and reliable entropy minimisation, a stable variant of `tent`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.precision import refuse_float16
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import LogUniform, Space
from ...benchmark.contract.sees import Sees
from ..common.entropy import entropies
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model
from ..networks.suitability import learning_norms, learning_norms_for
from .batch_norm import forget_statistics


@dataclass(frozen=True)
class Sar(TimmRecipe):
    """Minimise the entropy of confident predictions, sharpness-aware, and reset when the model collapses.

    Like `tent`, but: images of high entropy are left out; the gradient is taken at the worst point nearby
    (sharpness-aware minimisation); when the moving average of the entropy falls so low that the model must have
    collapsed, its parameters are reset to the source's; the last norms are frozen. In a network without batch norms,
    its layer or group norms learn, as in the paper.

    A batch of one image is normalised as by `tent` and, if confident, causes a proportionally small step. A stream of
    one class drives the model towards that class until the average falls below `reset`, which undoes all of it. With
    two classes the margin keeps only images of p > 0.92; where the source model's entropy is below `reset` on all
    images, it is reset after every step and equals `adabn`.

    Args:
        test_lr: Learning rate of SGD with momentum 0.9; scaled down in proportion for batches of less than 32 images,
            and half as much for a single one, as in the authors' code.
        margin: Only predictions with entropy below this fraction of ln K count.
        rho: Distance of the worst point nearby, in the norm of all parameters that learn.
        reset: Fraction of ln K; a moving average of the entropy below it resets the model. The paper's value is 0.2
            nats at 1000 classes.
        frozen: Fraction of the norms, counted from the last, that do not learn; a fifth is the last stage of the
            paper's ResNet-50 and one more. The last three blocks and the norm after them of its ViT-Base are 0.28.
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
        """Refuse values out of range."""
        super().__post_init__()
        if not (0 <= self.test_lr <= 1 and 0 <= self.rho <= 10):
            raise ValueError("test_lr must be in [0, 1], rho in [0, 10]")
        if not (0 < self.margin <= 1 and 0 <= self.reset <= 1 and 0 <= self.frozen < 1):
            raise ValueError("margin must be in (0, 1], reset in [0, 1], frozen in [0, 1)")

    def fit(self, access: Access) -> Predictor:
        """Train the source model and wrap it in the adaptation."""
        refuse_float16(access, "sar")
        network = forget_statistics(shared_model(access, self, learning_norms_for("sar", access.report)))
        return SarPredictor(network, self.test_lr, self.margin, self.rho, self.reset, self.frozen)


FULL_BATCH = 32  # images; smaller batches learn less, in proportion
MOMENTUM = 0.9
MEMORY = 0.9  # decay of the moving average of the entropy


def _share(count: int) -> float:
    """Return the share of the learning rate for a batch of `count` images, as in the authors' code."""
    return min(1.0, count / FULL_BATCH * (2 if count == 1 else 1))


class SarPredictor:
    """Predicts a batch, then takes one step of entropy minimisation on its confident images.

    Args:
        network: Network whose batch norms use batch statistics (see `batch_norm.forget_statistics`).
        lr: Learning rate of SGD on the gains and offsets of the norms (`suitability.learning_norms`), for 32 images and
            more.
        margin: Fraction of ln K below which a prediction counts as confident.
        rho: Length of the ascent step of sharpness-aware minimisation.
        reset: Fraction of ln K below which the average entropy means collapse.
        frozen: Fraction of the norms, counted from the last, that do not learn.
    """

    def __init__(self, network: nn.Module, lr: float, margin: float, rho: float, reset: float, frozen: float) -> None:
        self.network = network.eval().requires_grad_(False)
        norms = learning_norms(network)
        learning = norms[: max(1, round(len(norms) * (1 - frozen)))]
        self.learnt = [parameter.requires_grad_(True) for norm in learning for parameter in norm.parameters()]
        self.source = [parameter.detach().clone() for parameter in self.learnt]
        self.lr, self.margin, self.rho, self.reset = lr, margin, rho, reset
        self.average: float | None = None
        self.optimiser = torch.optim.SGD(self.learnt, lr=lr, momentum=MOMENTUM)

    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K) from before the step."""
        with torch.enable_grad():
            logits: Tensor = self.network(images)
            largest = math.log(logits.shape[1])
            entropy = self._step(images, entropies(logits), self.margin * largest)
        if entropy is not None:
            self.average = entropy if self.average is None else MEMORY * self.average + (1 - MEMORY) * entropy
            if self.average < self.reset * largest:
                self._reset_model()
        return logits.detach().softmax(1)

    def _step(self, images: Tensor, entropy: Tensor, highest: float) -> float | None:
        """Take a step; return the mean entropy at the worst point nearby, None if nothing is confident."""
        confident = entropy < highest
        if not confident.any():
            return None
        up = torch.autograd.grad(entropy[confident].mean(), self.learnt)
        before = [parameter.detach().clone() for parameter in self.learnt]
        length = torch.stack([gradient.norm() for gradient in up]).norm() + 1e-12
        with torch.no_grad():
            for parameter, gradient in zip(self.learnt, up, strict=True):
                parameter += self.rho * gradient / length
        nearby = entropies(self.network(images))[confident]
        still = nearby < highest
        mean = nearby[still].mean()
        down = torch.autograd.grad(mean, self.learnt) if still.any() else None
        self._set(before)
        if down is None:
            return None
        for parameter, gradient in zip(self.learnt, down, strict=True):
            parameter.grad = gradient
        self.optimiser.param_groups[0]["lr"] = self.lr * _share(len(images))
        self.optimiser.step()
        return float(mean.detach())

    def _reset_model(self) -> None:
        self._set(self.source)
        self.optimiser.state.clear()
        self.average = None

    @torch.no_grad()
    def _set(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self.learnt, values, strict=True):
            parameter.copy_(value)
