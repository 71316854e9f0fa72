"""Which layers matter: only the lowest stages start from ImageNet (weight transfusion), or only the weights' scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..common.recipe import TimmRecipe

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees

PAPER = "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208"


@dataclass(frozen=True)
class ImagenetTransfusion(TimmRecipe):
    """Start the lowest stages from ImageNet and the others at random, then train all.

    Args:
        layers: How many stages, counted from the input, start from ImageNet.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = PAPER

    layers: int = 2

    def __post_init__(self) -> None:
        """Refuse a negative number."""
        super().__post_init__()
        if self.layers < 0:
            raise ValueError("layers must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Returns the trained network."""
        from ..common.initial_weights import load_lowest
        from ..common.source_model import timm_network
        from ..common.training import Classifier

        start = f"the lowest {self.layers} stages of imagenet"
        return Classifier(timm_network(access, self, start, load_lowest(self.layers)))


@dataclass(frozen=True)
class ScratchMeanVar(TimmRecipe):
    """Train from a random start whose layers have the mean and variance of the ImageNet weights."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = PAPER

    def fit(self, access: Access) -> Predictor:
        """Returns the trained network."""
        from ..common.initial_weights import match_moments
        from ..common.source_model import timm_network
        from ..common.training import Classifier

        return Classifier(timm_network(access, self, "the moments of imagenet", match_moments))
