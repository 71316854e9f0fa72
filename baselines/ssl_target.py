"""Unsupervised adaptation by self-supervision: learn what the targets' images look like first, the classes then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ..benchmark.contract.search_space import Choice, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from torch import nn

    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees
    from .recipe import Recipe
    from .training import Loss


@dataclass(frozen=True)
class SslTarget(TimmRecipe):
    """Pre-train without labels on the targets' adaptation images and the source's (SimSiam), then fine-tune on source.

    Views of an image are crops of at least half of it, mirrored or not, and a little brighter or darker, a mild form of
    what `exposure` and `contrast-loss` test (`intensity=0` leaves it out). Known to collapse or to do nothing on few
    images, and to unlearn ImageNet if it goes on for long; a spread near 0 in the log is collapse. It costs about as
    much as the fine-tuning where the targets have as many adaptation images as the source has for training.

    Args:
        start: From which weights: `imagenet` or `random`.
        pretrain_epochs: Passes over all images without labels. The paper has 100, from a random start on ImageNet.
        pretrain_batch: Batch size of these.
        width: Of the projections; the paper's. The predictor is a fourth as wide inside.
        intensity: The gain of a view is 1 +- this, its offset 0 +- half of this.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Chen and He, Exploring simple Siamese representation learning, CVPR 2021, arXiv 2011.10566"
    search: ClassVar[Space] = {**TimmRecipe.search, "pretrain_epochs": Choice((1, 2, 4))}

    start: Literal["imagenet", "random"] = "imagenet"
    pretrain_epochs: int = 2
    pretrain_batch: int = 64
    width: int = 2048
    intensity: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot train."""
        super().__post_init__()
        if self.pretrain_epochs < 1 or self.pretrain_batch < 2 or self.width < 4:
            raise ValueError("pretrain_epochs must be at least 1, pretrain_batch at least 2, width at least 4")
        if not 0 <= self.intensity <= 0.5:
            raise ValueError("intensity must be in [0, 0.5]")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        from ..shifts.errors import MedshiftError
        from .networks import Network, timm_network
        from .self_supervised import pretrain
        from .starts import take_all
        from .training import Classifier, train
        from .unlabelled import need_targets

        if len(access.spatial) != 2:
            raise MedshiftError(f"ssl-target takes 2-D images; these are {len(access.spatial)}-D")
        need_targets(access)

        def learn(network: nn.Module, access: Access, recipe: Recipe, loss: Loss) -> None:
            assert isinstance(network, Network)
            pretrain(network, access, self.pretrain_epochs, self.pretrain_batch, self.width, self.intensity)
            train(network, access, recipe, loss)

        how = f"{self.pretrain_epochs} {self.pretrain_batch} {self.width} {self.intensity}"
        take = take_all if self.start == "imagenet" else None
        name = f"{self.start}, without labels {how}"
        code = ["self_supervised", "unlabelled"]
        return Classifier(timm_network(access, self, name, take, learn=learn, code=code))
