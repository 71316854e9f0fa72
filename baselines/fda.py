"""Unsupervised adaptation in Fourier space: train on source images in the targets' coarse look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import Choice, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Fda(TimmRecipe):
    """Fine-tune from ImageNet on source images that have the low-frequency amplitudes of the targets' images.

    Every training image gets those of a target image drawn for it; the entropy of the paper's loss is left out. Known
    to ring where beta is above .05, and to lose what the mean grey of an image says of its class. The epoch is chosen
    on source validation images as they are.

    Args:
        beta: Up to which frequency amplitudes are swapped, as a share of the smallest side; the paper has .01, .05 and
            .09. Small images need large shares: 64 pixels at .05 swap three frequencies either way, at .01 the mean.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Yang and Soatto, CVPR 2020, arXiv 2004.05498"
    search: ClassVar[Space] = {**TimmRecipe.search, "beta": Choice((0.01, 0.05, 0.09))}

    beta: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        super().__post_init__()
        if not 0 <= self.beta <= 0.5:
            raise ValueError("beta must be in [0, 0.5]")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .networks import timm_network
        from .spectra import Swapped
        from .training import Classifier

        name = f"imagenet, amplitudes swapped up to {self.beta}"
        loss = Swapped(access, self.beta)
        return Classifier(timm_network(access, self, name, loss=loss, code=["spectra", "unlabelled"]))
