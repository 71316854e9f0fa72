"""Tent: test-time entropy minimisation through the batch norms."""

from __future__ import annotations

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
class Tent(TimmRecipe):
    """Minimise the entropy of predictions on the test stream through the batch norms' gains and offsets.

    Statistics are the batch's. A batch is predicted before the step that it causes. Known to collapse to one class at
    high learning rates, on small batches and where classes are unbalanced.

    In a network without batch norms, its layer or group norms learn, as Niu et al. (arXiv 2302.12400) run it; these
    have no statistics of a batch.

    A batch of one image is normalised by its own pixels (by the source's statistics in a norm with one value per
    channel) and causes a step like any other. A stream of one class is not guarded against; see `sar`.

    Args:
        test_lr: Learning rate of Adam at test time.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Wang et al., ICLR 2021, arXiv 2006.10726"
    search: ClassVar[Space] = {**TimmRecipe.search, "test_lr": LogUniform(1e-5, 1e-2)}

    test_lr: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse rates that cannot learn."""
        super().__post_init__()
        if not 0 <= self.test_lr <= 1:
            raise ValueError("test_lr must be in [0, 1]")

    def fit(self, access: Access) -> Predictor:
        """Train the source model and wrap it in the adaptation."""
        refuse_float16(access, "tent")
        network = shared_model(access, self, learning_norms_for("tent", access.report))
        return TentPredictor(forget_statistics(network), self.test_lr)


class TentPredictor:
    """Predicts a batch, then takes one step that lowers the entropy of its predictions.

    Args:
        network: Network whose batch norms use batch statistics (see `batch_norm.forget_statistics`).
        lr: Learning rate of Adam on the gains and offsets of the norms (`suitability.learning_norms`).
    """

    def __init__(self, network: nn.Module, lr: float) -> None:
        self.network = network.eval().requires_grad_(False)
        learnt = [parameter.requires_grad_(True) for norm in learning_norms(network) for parameter in norm.parameters()]
        self.optimiser = torch.optim.Adam(learnt, lr=lr)

    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K) from before the step."""
        with torch.enable_grad():
            logits: Tensor = self.network(images)
            entropy = entropies(logits).mean()
            self.optimiser.zero_grad(set_to_none=True)
            entropy.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        return logits.detach().softmax(1)
