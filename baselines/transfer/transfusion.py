"""Partial transfer: take only the lowest stages, or only the scale of the weights, from ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import refuse_volumes, timm_network
from ..common.training import Classifier
from ..networks.initial_weights import load_all, load_lowest, match_moments

PAPER = "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208"
ALL = -1


@dataclass(frozen=True)
class ImagenetTransfusion(TimmRecipe):
    """Start the lowest stages from ImageNet and the rest at random, then train all layers.

    Args:
        layers: Number of stages, counted from the input, that start from ImageNet: from 0, which is `random-init`, to
            all, which is `imagenet-finetune`; -1 for all of them. Stages are those of `initial_weights.stages`.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = PAPER

    layers: int = 2

    def __post_init__(self) -> None:
        """Refuse a negative number of stages."""
        super().__post_init__()
        if self.layers < ALL:
            raise ValueError("layers must not be negative, except for -1: all stages")

    def fit(self, access: Access) -> Predictor:
        """Train the network."""
        refuse_volumes(access)
        if self.layers == 0:  # the ends are other baselines' networks, and share their cached weights
            return Classifier(timm_network(access, self, "random", load=None), self.part_size)
        if self.layers == ALL:
            return Classifier(timm_network(access, self, "imagenet", load_all), self.part_size)
        start = f"imagenet, lowest {self.layers} stages"
        return Classifier(timm_network(access, self, start, load_lowest(self.layers)), self.part_size)


@dataclass(frozen=True)
class ScratchMeanVar(TimmRecipe):
    """Train from random weights that have the mean and variance of the ImageNet weights, layer by layer."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = PAPER

    def fit(self, access: Access) -> Predictor:
        """Train the network."""
        return Classifier(timm_network(access, self, "random, moments of imagenet", match_moments), self.part_size)
