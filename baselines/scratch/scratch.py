"""No transfer: the same network and recipe as `imagenet-finetune`, from random weights."""

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
class Scratch(TimmRecipe):
    """Train the network of `imagenet-finetune` from random weights."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "He et al., Rethinking ImageNet pre-training, ICCV 2019, arXiv 1811.08883"

    def fit(self, access: Access) -> Predictor:
        """Train the network."""
        return Classifier(timm_network(access, self, "random", load=None))
