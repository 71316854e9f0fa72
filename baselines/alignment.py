"""Unsupervised adaptation by alignment: source features are to be spread as the targets' unlabelled ones are."""

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
class Coral(TimmRecipe):
    """Align the covariance of source and target features while fine-tuning (Deep CORAL).

    All targets' adaptation images together are one target. A difference in class mix is aligned away with the rest.

    Args:
        weight: Of the alignment in the loss.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Sun and Saenko, ECCV-W 2016, arXiv 1607.01719"
    distance: ClassVar[str] = "coral"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(0.1, 10.0)}

    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a negative weight."""
        super().__post_init__()
        if self.weight < 0:
            raise ValueError("weight must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .distances import Aligned
        from .networks import timm_network
        from .training import Classifier

        name = f"imagenet, aligned by {self.distance} x {self.weight}"
        loss = Aligned(access, self.distance, self.weight)
        return Classifier(timm_network(access, self, name, loss=loss, code=["distances", "unlabelled"]))


@dataclass(frozen=True)
class Mmd(Coral):
    """Align source and target features by maximum mean discrepancy while fine-tuning (DAN, on the last features)."""

    paper: ClassVar[str] = "Long et al., ICML 2015, arXiv 1502.02791"
    distance: ClassVar[str] = "mmd"
