"""Mixup: augmentation that mixes pairs of images and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import LogUniform, Space
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Classifier


@dataclass(frozen=True)
class Mixup(TimmRecipe):
    """Fine-tune from ImageNet on mixtures of two images and their labels.

    Args:
        alpha: Both parameters of the beta distribution of the mixing coefficient.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Zhang et al., ICLR 2018, arXiv 1710.09412"
    search: ClassVar[Space] = {**TimmRecipe.search, "alpha": LogUniform(0.1, 1.0)}

    alpha: float = 0.2

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        if not 0 < self.alpha <= 100:
            raise ValueError("alpha must be in (0, 100]")

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        name = f"imagenet, mixup {self.alpha}"
        return Classifier(timm_network(access, self, name, loss=MixupLoss(self.alpha)), self.part_size)


class MixupLoss:
    """Cross-entropy of images mixed in random pairs; one coefficient per batch as in the paper's code."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Return the loss of one batch."""
        seed = int(torch.randint(2**31, (), generator=draws))
        share = float(np.random.Generator(np.random.Philox(seed)).beta(self.alpha, self.alpha))
        other = torch.randperm(len(images), generator=draws).to(images.device)
        logits = network(share * images + (1 - share) * images[other])
        first, second = (nn.functional.cross_entropy(logits, to, weights) for to in (labels, labels[other]))
        return share * first + (1 - share) * second
