"""Transfer: start from ImageNet weights and fine-tune all layers on the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Classifier


@dataclass(frozen=True)
class ImagenetFinetune(TimmRecipe):
    """Fine-tune an ImageNet network on the source."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208"

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        return Classifier(timm_network(access, self, "imagenet"), self.part_size)
