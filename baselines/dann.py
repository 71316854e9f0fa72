"""Unsupervised adaptation by an adversary: features are to hide whether an image is of the source or of a target."""

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
class Dann(TimmRecipe):
    """Fine-tune from ImageNet while the features learn to fool a discriminator of domains.

    All targets' adaptation images together are one target. Known to be unstable, and to harm where the class mix
    differs between source and target: what tells the classes then tells the domains, too. The epoch is chosen on source
    validation, which knows nothing of how well domains are aligned.

    Args:
        weight: Of the turned gradient at the end of training; it grows from 0 as in the paper.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Ganin et al., JMLR 2016, arXiv 1505.07818"
    search: ClassVar[Space] = {**TimmRecipe.search, "weight": LogUniform(0.1, 10.0)}
    conditional: ClassVar[bool] = False

    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a negative weight."""
        super().__post_init__()
        if self.weight < 0:
            raise ValueError("weight must not be negative")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from .adversary import Adversarial
        from .networks import timm_network
        from .training import Classifier

        name = f"imagenet, {'conditional ' * self.conditional}adversary x {self.weight}"
        loss = Adversarial(access, self, self.weight, self.conditional)
        code = ["adversary", "entropy", "unlabelled"]
        return Classifier(timm_network(access, self, name, loss=loss, equip=loss.equip, code=code))


@dataclass(frozen=True)
class Cdan(Dann):
    """Fine-tune from ImageNet while features times predictions learn to fool a discriminator of domains (CDAN+E).

    What fails with `dann` can fail here, too; and where the targets' predictions are surely wrong, what is aligned is
    wrong.

    Args:
        weight: Of the turned gradient at the end of training; it grows from 0 as in the paper.
    """

    paper: ClassVar[str] = "Long et al., NeurIPS 2018, arXiv 1705.10667"
    conditional: ClassVar[bool] = True
