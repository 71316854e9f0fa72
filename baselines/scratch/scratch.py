"""No transfer: the same network and recipe from a random start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..common.recipe import TimmRecipe

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Scratch(TimmRecipe):
    """Train the same network from a random start."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "He et al., Rethinking ImageNet pre-training, ICCV 2019, arXiv 1811.08883"

    def fit(self, access: Access) -> Predictor:
        """Returns the trained network."""
        from ..common.source_model import timm_network
        from ..common.training import Classifier

        return Classifier(timm_network(access, self, "random", take=None))
