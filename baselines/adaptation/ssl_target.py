"""Self-supervised adaptation: pre-train on source and target images without labels, then fine-tune on the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.sees import Sees
from ..common.target_batches import unlabelled
from ..common.training import Classifier
from ..self_supervised.recipe import SelfSupervisedRecipe


@dataclass(frozen=True)
class SslTarget(SelfSupervisedRecipe):
    """Pre-train on unlabelled source and target images (SimSiam), then fine-tune on the source.

    Views of an image are random crops of at least half of it, randomly mirrored (`mirror=False` turns it off), and
    slightly brighter or darker: a mild form of what `exposure` and `contrast-loss` test (`intensity=0`). Known to
    collapse or to have no effect on few images, and to unlearn ImageNet if it runs for long; a spread near 0 in the log
    means collapse. Costs about as much as the fine-tuning if the targets have as many adaptation images as the source
    has training images.

    `ssl-source` is its control: give both the same `pretrain_steps`.

    Args:
        unlabelled: Number of target images without labels, drawn by whole groups of all targets with the seed; the
            source's training images are always used. Smaller draws are parts of larger ones. 0 takes all.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Chen and He, Exploring simple Siamese representation learning, CVPR 2021, arXiv 2011.10566"

    def fit(self, access: Access) -> Predictor:
        """Pre-train and fine-tune the network."""
        return Classifier(
            self.pretrained(access, "ssl-target", [access.train], unlabelled(access).parts), self.part_size
        )
