"""The hyper-parameters of self-supervised pre-training, and the training that begins with it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.search_space import LATER, Choice, Space, at_most
from ...benchmark.contract.training_record import TrainingRecord
from ...benchmark.datasets.images import Images, Pool
from ...shifts.errors import MedshiftError
from ..common.recipe import Recipe, TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Loss, train
from ..networks.initial_weights import load_all
from ..networks.network import Network
from ..networks.suitability import features_for
from .simsiam import pretrain


@dataclass(frozen=True)
class SelfSupervisedRecipe(TimmRecipe):
    """The recipe with pre-training before it.

    Args:
        start: Initial weights: `imagenet` or `random`.
        pretrain_epochs: Passes over all images without labels; the paper has 100 on ImageNet, from random weights.
        pretrain_batch: Batch size of pre-training.
        width: Width of the projections, as in the paper. The predictor's hidden layer is a quarter as wide.
        intensity: The gain of a view is 1 +- this, its offset 0 +- half of this.
        pretrain_steps: Number of steps of pre-training in place of the epochs; 0 keeps those.
        unlabelled: Number of images without labels, drawn by whole groups with the seed, so that at most the last group
            exceeds it; what is drawn for a smaller number is part of what is drawn for a larger one. 0 takes all.
    """

    search: ClassVar[Space] = {**TimmRecipe.search, "pretrain_epochs": Choice((1, 2, 4))}

    start: Literal["imagenet", "random"] = "imagenet"
    pretrain_epochs: int = field(default=2, metadata=at_most(1000))
    pretrain_batch: int = field(default=64, metadata=at_most(4096))
    width: int = field(default=2048, metadata=at_most(8192))
    intensity: float = 0.1
    pretrain_steps: int = field(default=0, metadata={LATER: True, **at_most(100_000)})
    unlabelled: int = field(default=0, metadata={LATER: True})

    def __post_init__(self) -> None:
        """Refuse values that cannot train."""
        super().__post_init__()
        if self.pretrain_epochs < 1 or self.pretrain_batch < 2 or self.width < 4:
            raise ValueError("pretrain_epochs must be at least 1, pretrain_batch at least 2, width at least 4")
        if self.pretrain_steps < 0 or self.unlabelled < 0 or self.unlabelled == 1:
            raise ValueError("pretrain_steps must not be negative; unlabelled must be 0 (all) or at least 2")
        if self.pretrain_steps and self.pretrain_epochs != type(self).pretrain_epochs:
            steps = self.pretrain_steps
            raise ValueError(f"pretrain_epochs counts only with pretrain_steps=0, and pretrain_steps is {steps}")
        if not 0 <= self.intensity <= 0.5:
            raise ValueError("intensity must be in [0, 0.5]")

    def passes(self, images: int) -> int:
        """Add the two views of each image of pre-training."""
        own = self.pretrain_steps * min(self.pretrain_batch, images) or self.pretrain_epochs * images
        return super().passes(images) + 2 * own

    def pretrained(self, access: Access, method: str, always: Sequence[Images], counted: Sequence[Images]) -> Network:
        """Pre-train a network on images without labels, and fine-tune it on the source.

        Args:
            access: What may be seen.
            method: Name of the baseline.
            always: Images that pre-training takes whole.
            counted: Images that it takes `unlabelled` of.

        Raises:
            MedshiftError: The images are volumes, or the architecture does not suit.
        """
        if len(access.spatial) != 2:
            raise MedshiftError(f"{method} takes 2-D images; these are {len(access.spatial)}-D")

        def learn(network: nn.Module, access: Access, recipe: Recipe, loss: Loss) -> TrainingRecord:
            assert isinstance(network, Network)
            first = sum(map(len, always))
            drawn = draw_groups(counted, self.unlabelled, access.seed)
            pretrain(network, access, self, Pool([*always, *counted]), torch.cat([torch.arange(first), first + drawn]))
            return train(network, access, recipe, loss)

        how = f"{self.pretrain_epochs} {self.pretrain_batch} {self.width} {self.intensity}"
        how += f" steps {self.pretrain_steps}" if self.pretrain_steps else ""
        how += f" of {self.unlabelled}" if self.unlabelled else ""
        name = f"{self.start}, self-supervised {how} by {method}"
        load = load_all if self.start == "imagenet" else None
        return timm_network(access, self, name, load, learn=learn, need=features_for(method))


def draw_groups(parts: Sequence[Images], count: int, seed: int) -> Tensor:
    """Draw whole groups of images until there are `count`; return their positions in the pool of the parts, ascending.

    The order of groups depends on the seed and on nothing else: a smaller draw is part of a larger one. A group in
    several parts is drawn in all of them. Where there are fewer images, all are drawn.

    Args:
        parts: The images.
        count: Number of images; 0 for all.
        seed: Seed of the order.
    """
    total = sum(map(len, parts))
    if not count or count >= total:
        return torch.arange(total)
    groups = np.concatenate([part.groups if part.groups is not None else np.arange(len(part)) for part in parts])
    names, of_image, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    place = [hashlib.sha256(f"unlabelled\x1f{seed}\x1f{name}".encode()).hexdigest() for name in names]
    order = np.argsort(place)
    kept = order[: int(np.searchsorted(np.cumsum(sizes[order]), count)) + 1]
    return torch.from_numpy(np.flatnonzero(np.isin(of_image, kept)))
