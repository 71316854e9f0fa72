"""Batches to learn from: of the source in random order, of unlabelled targets, and the augmentation of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ...benchmark.contract.access import Access
from ...benchmark.datasets.images import Images, Labelled
from ...shifts.errors import MedshiftError
from ...shifts.numerics.matrices import reflected

LARGEST_MOVE = 1 / 16  # fraction of the image side


class RandomBatches:
    """The indices of batches without end: all images in random order, again and again, without a rest.

    Args:
        count: Number of images.
        size: Size of a batch; at most the number of images.
        draws: Draws an order whenever one is used up.
    """

    def __init__(self, count: int, size: int, draws: torch.Generator) -> None:
        self.count, self.size, self.draws = count, min(size, count), draws
        self.order, self.start = torch.empty(0, dtype=torch.int64), 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Tensor:
        if self.start + self.size > len(self.order):
            self.order, self.start = torch.randperm(self.count, generator=self.draws), 0
        self.start += self.size
        return self.order[self.start - self.size : self.start]

    def state_dict(self) -> dict[str, Any]:
        """Return the order that is under way, and the position in it; the generator's state is its owner's."""
        return {"order": self.order, "start": self.start}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue an order where it was."""
        self.order, self.start = state["order"], state["start"]


def class_weights(images: Labelled, classes: int) -> Tensor:
    """Return weights (K,) that give all classes present the same total, with a mean of 1 over the images."""
    counts = torch.bincount(torch.from_numpy(images.labels), minlength=classes).float()
    weights = torch.where(counts > 0, 1 / counts.clamp(min=1), 0.0)
    return weights * (counts.sum() / (weights * counts).sum())


def augment(images: Tensor, draws: torch.Generator) -> Tensor:
    """Mirror each image (N, C, H, W) left to right or not, at random, and move it by up to 1/16 of a side.

    Pixels that enter at an edge are mirrored there. All slices of a volume (N, C, D, H, W) move together, in plane.
    """
    count, height, width = len(images), *images.shape[-2:]
    flip = torch.rand(count, generator=draws) < 0.5
    reach = (max(1, round(height * LARGEST_MOVE)), max(1, round(width * LARGEST_MOVE)))
    down, right = (torch.randint(-r, r + 1, (count, 1), generator=draws) for r in reach)
    rows, cols = torch.arange(height) + down, torch.arange(width) + right
    cols = torch.where(flip[:, None], width - 1 - cols, cols)
    rows, cols = (reflected(index, n) for index, n in ((rows, height), (cols, width)))
    place = (rows[:, :, None] * width + cols[:, None, :]).view(count, 1, -1)
    planes = images.reshape(count, -1, height * width)
    return planes.gather(2, place.expand(-1, planes.shape[1], -1)).view(images.shape)


def unlabelled(access: Access) -> Images:
    """Pool the adaptation images of all targets, in the order of the targets' names.

    Raises:
        MedshiftError: There is no target.
    """
    need_targets(access)
    pixels = np.concatenate([access.targets[name].pixels for name in sorted(access.targets)])
    return Images(pixels, access.train.value_range)


def need_targets(access: Access) -> None:
    """Raise MedshiftError if there is no target."""
    if not access.targets:
        raise MedshiftError("there is no target to adapt to: leave out --targets, or choose another baseline")


class TargetBatches:
    """Random batches of the unlabelled images of one target at a time.

    Together, several targets make a distribution that none of them has: methods that look at a batch as a whole would
    tell the targets apart in place of the classes.

    Args:
        access: What may be seen.

    Raises:
        MedshiftError: There is no target.
    """

    def __init__(self, access: Access) -> None:
        need_targets(access)
        self.targets = [access.targets[name] for name in sorted(access.targets)]

    def draw(self, like: Tensor, draws: torch.Generator) -> Tensor:
        """Draw a target, and a batch of its images of the size and device of `like`, augmented like training images."""
        chosen = int(torch.randint(len(self.targets), (), generator=draws))
        return draw_like(self.targets[chosen], like, draws)


def draw_like(images: Images, like: Tensor, draws: torch.Generator) -> Tensor:
    """Draw a batch of the size and device of `like`, with replacement, augmented like training images."""
    chosen = torch.randint(len(images), (len(like),), generator=draws)
    return augment(images.batch(chosen), draws).to(like.device)
