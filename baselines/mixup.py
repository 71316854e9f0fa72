"""Robust training: mixing images and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import LogUniform, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Mixup(TimmRecipe):
    """Fine-tune from ImageNet on mixtures of two images and their labels.

    Args:
        alpha: Both parameters of the beta distribution of the mixing share.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Zhang et al., ICLR 2018, arXiv 1710.09412"
    search: ClassVar[Space] = {**TimmRecipe.search, "alpha": LogUniform(0.1, 1.0)}

    alpha: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        super().__post_init__()
        if not 0 < self.alpha <= 100:
            raise ValueError("alpha must be in (0, 100]")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .mixing import Mixed
        from .networks import timm_network
        from .training import Classifier

        name = f"imagenet, mixed {self.alpha}"
        return Classifier(timm_network(access, self, name, loss=Mixed(self.alpha), code=["mixing"]))
