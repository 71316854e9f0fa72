"""No transfer: networks trained from random weights."""

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
    """Train a network that can learn from few images, from random weights.

    Args:
        arch: `small-resnet`, a narrow ResNet whose first layers keep the full resolution; or as for
            `imagenet-finetune`.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "He et al., Deep residual learning, CVPR 2016, arXiv 1512.03385"

    arch: str = "small-resnet"

    def fit(self, access: Access) -> Predictor:
        """Train the network."""
        return Classifier(timm_network(access, self, "random", load=None), self.part_size)


@dataclass(frozen=True)
class RandomInit(TimmRecipe):
    """Train the network of `imagenet-finetune` from random weights.

    The like-for-like control of ImageNet's weights: architecture, recipe and length are the same. What separates the
    two is also what separates their capacity for few images: `scratch` tells what training from scratch can do.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "He et al., Rethinking ImageNet pre-training, ICCV 2019, arXiv 1811.08883"

    def fit(self, access: Access) -> Predictor:
        """Train the network."""
        return Classifier(timm_network(access, self, "random", load=None), self.part_size)
