"""Transfer: start from ImageNet, fine-tune all layers on the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..common.recipe import TimmRecipe

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class ImagenetFinetune(TimmRecipe):
    """Fine-tune an ImageNet network on the source."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208"

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from ..common.source_model import timm_network
        from ..common.training import Classifier

        return Classifier(timm_network(access, self, "imagenet"))
