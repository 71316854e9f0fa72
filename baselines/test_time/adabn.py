"""Adaptive batch norm: normalise by the statistics of the test batch in place of the source's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model
from ..common.training import Classifier
from ..networks.suitability import batch_norms_for
from .batch_norm import with_batch_statistics


@dataclass(frozen=True)
class AdaBN(TimmRecipe):
    """Replace batch norm statistics by those of the test batch.

    Every batch norm of the fine-tuned ImageNet network takes its mean and variance from the current test batch, mixed
    with the source's as if these came from `prior` further images (Schneider et al.); 0 uses only the batch, as Nado et
    al. do. Elsewhere this is called prediction-time batch norm, BN-1 or norm_test; AdaBN as Li et al. propose it takes
    the statistics of all target images, once, and would see more than test batches.

    A batch of one image is normalised by its own pixels; a norm with one value per channel uses the source's
    statistics. Small batches have noisy statistics, and a batch of one class has its class normalised away: both are
    known to harm, and `prior` softens both.

    Args:
        prior: Weight of the source's statistics, as a number of images.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = (
        "Nado et al., arXiv 2006.10963; Schneider et al., NeurIPS 2020, arXiv 2006.16971; after Li et al., 1603.04779"
    )
    search: ClassVar[Space] = {**TimmRecipe.search, "prior": Choice((0.0, 8.0, 32.0, 128.0))}

    prior: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a negative weight."""
        super().__post_init__()
        if self.prior < 0:
            raise ValueError("prior must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Train the source model and switch its batch norms to batch statistics."""
        return Classifier(with_batch_statistics(shared_model(access, self, batch_norms_for("adabn")), self.prior))
