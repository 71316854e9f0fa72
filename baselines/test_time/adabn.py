"""Test-time batch norm: the ImageNet model with the statistics of the test batch in place of the source's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...benchmark.contract.search_space import Choice, Space
from ..common.recipe import TimmRecipe

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class AdaBN(TimmRecipe):
    """Normalise by the test batch's statistics.

    Every batch norm of the fine-tuned ImageNet network takes its mean and variance from the test batch at hand, mixed
    with the source's as if these came from `prior` further images (Schneider et al.): 0 trusts the batch alone, as Li
    et al. and Nado et al. do.

    A batch of one image is normalised by its own pixels; a norm that is left with one value in a channel uses the
    source's statistics. Small batches have noisy statistics, and a batch of one class has its class normalised away:
    both are known to harm, `prior` softens both.

    Args:
        prior: Weight of the source's statistics, in images.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Li et al., arXiv 1603.04779; Schneider et al., NeurIPS 2020, arXiv 2006.16971"
    search: ClassVar[Space] = {**TimmRecipe.search, "prior": Choice((0.0, 8.0, 32.0, 128.0))}

    prior: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a negative weight."""
        super().__post_init__()
        if self.prior < 0:
            raise ValueError("prior must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Returns the adapting network."""
        from ..common.batch_norm import with_batch_statistics
        from ..common.source_model import shared_model
        from ..common.training import Classifier

        return Classifier(with_batch_statistics(shared_model(access, self), self.prior))
