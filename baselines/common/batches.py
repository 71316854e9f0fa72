"""Batches to learn from: training images in random order, augmented, and the weights of their classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from ...benchmark.datasets.images import Labelled
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


class TrainingBatches:
    """Random batches without end: augmented images in [0, 1] and their labels.

    Args:
        images: The images.
        size: Images in a batch.
        draws: Source of random numbers; others may draw from it between two batches.
        device: Where the batches are needed.
    """

    def __init__(self, images: Labelled, size: int, draws: torch.Generator, device: torch.device) -> None:
        self.images, self.draws, self.device = images, draws, device
        self.index = RandomBatches(len(images), size, draws)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        index = next(self.index)
        images = augment(self.images.batch(index), self.draws).to(self.device, non_blocking=True)
        return images, torch.from_numpy(self.images.labels)[index].to(self.device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        """Return what decides all batches to come: the order under way, the position in it, and the generator."""
        return {"order": self.index.order, "start": self.index.start, "draws": self.draws.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where the batches were."""
        self.index.order, self.index.start = state["order"], state["start"]
        self.draws.set_state(state["draws"])


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
