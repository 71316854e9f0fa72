"""The control of self-supervised adaptation: the same pre-training on the source's images alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space, at_most
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.training import Classifier
from ..self_supervised.recipe import SelfSupervisedRecipe


@dataclass(frozen=True)
class SslSource(SelfSupervisedRecipe):
    """Pre-train on the source's images alone, without labels (SimSiam), then fine-tune on the source.

    The control of `ssl-target`: what that method gains over this one, it gains from the targets' images, and not from
    more steps on a second task. Give both the same `pretrain_steps`; the default is what the epochs of `ssl-target`
    come to on `brain-mri-sim`.

    Args:
        pretrain_steps: Number of steps of pre-training; 0 for `pretrain_epochs` passes over the source's images.
        unlabelled: Number of the source's training images that pre-training uses, drawn by whole groups with the seed.
            Smaller draws are parts of larger ones. 0 takes all.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Chen and He, Exploring simple Siamese representation learning, CVPR 2021, arXiv 2011.10566"
    search: ClassVar[Space] = {**TimmRecipe.search, "pretrain_steps": Choice((56, 112, 224))}

    pretrain_steps: int = field(default=112, metadata=at_most(100_000))
    unlabelled: int = 0

    def fit(self, access: Access) -> Predictor:
        """Pre-train and fine-tune the network."""
        return Classifier(self.pretrained(access, "ssl-source", [], [access.train]), self.part_size)
