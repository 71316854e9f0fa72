"""Unsupervised adaptation by class confusion: predictions on the targets are to tell classes apart."""

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
class Mcc(TimmRecipe):
    """Minimise the confusion between classes on the targets while fine-tuning from ImageNet.

    All targets' adaptation images together are one target. Known to be weak with two classes, where every doubtful
    image confuses the same pair, and to make rare classes rarer.

    Args:
        temperature: Divides the targets' logits.
        weight: Of the confusion in the loss.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Jin et al., ECCV 2020, arXiv 1912.03699"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(0.1, 10.0)}

    temperature: float = 2.5
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        super().__post_init__()
        if self.temperature <= 0 or self.weight < 0:
            raise ValueError("temperature must be above 0, weight not negative")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .confusion import Confused
        from .networks import timm_network
        from .training import Classifier

        name = f"imagenet, confusion at {self.temperature} x {self.weight}"
        loss = Confused(access, self.temperature, self.weight)
        return Classifier(timm_network(access, self, name, loss=loss, code=["confusion", "entropy", "unlabelled"]))
