"""Nothing but joint batch norms: what every method that trains on source and target batches together does besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.target_batches import TargetBatches
from ..common.training import Classifier
from ..networks.network import Network
from ..networks.suitability import batch_norms_for


@dataclass(frozen=True)
class JointNorm(TimmRecipe):
    """Fine-tune from ImageNet with source and target images in one batch, and learn from the source's alone.

    The control of `coral`, `mmd`, `dann`, `cdan` and `mcc`: what they are with a weight of 0. The targets reach the
    network through the statistics of its batch norms only; what a method gains over this one is its own. Without batch
    norms it would be `imagenet-finetune`, which is the control of networks that have none.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "a control, without a paper of its own; after Li et al., AdaBN, arXiv 1603.04779"

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        need = batch_norms_for("joint-norm", instead="imagenet-finetune, which it would be")
        loss = JointNormLoss(access, mirror=self.mirror)
        return Classifier(timm_network(access, self, "imagenet, joint norms", loss=loss, need=need), self.part_size)


class JointNormLoss:
    """Cross-entropy of a source batch that passes through the network together with a target batch."""

    def __init__(self, access: Access, *, mirror: bool = True) -> None:
        self.targets = TargetBatches(access, mirror=mirror)

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Return the loss of one batch."""
        source, _ = cast(Network, network)(torch.cat([images, self.targets.draw(images, draws)])).chunk(2)
        loss: Tensor = nn.functional.cross_entropy(source, labels, weights)
        return loss
