"""Batches to learn from: random, augmented, made while the network works on those before; and their class weights."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self, TypeAlias

import torch
from torch import Tensor

from ...benchmark.contract.access import Access
from ...benchmark.datasets.images import Images, Labelled, to_device
from ...benchmark.datasets.streaming.ahead import made_ahead
from ...shifts.numerics.matrices import reflected

LARGEST_MOVE = 1 / 16  # fraction of the image side
SIDES = ({"left", "right"}, {"l", "r"}, {"os", "od"})  # words in the names of classes

State: TypeAlias = dict[str, Any]


class TrainingBatches:
    """Random batches without end: augmented images in [0, 1] and their labels, on the device.

    They are the same whether made ahead or not, because all random numbers are drawn in the same order. Where the loss
    draws from them between two batches (mixing pairs, target images), only what needs none is done ahead: images are
    read, of one pass through the data after the other. Used as a context, which ends the thread.

    Args:
        images: The images.
        size: Images in a batch; at most all.
        draws: Source of random numbers.
        device: Where the network is.
        shared: Whether others draw from `draws` between two batches.
        mirror: Whether images are mirrored at random.
    """

    def __init__(
        self,
        images: Labelled,
        size: int,
        draws: torch.Generator,
        device: torch.device,
        *,
        shared: bool,
        mirror: bool = True,
    ) -> None:
        self.images, self.size, self.draws, self.device = images, min(size, len(images)), draws, device
        self.shared, self.mirror = shared, mirror
        self.order, self.start = torch.empty(0, dtype=torch.int64), 0
        self._held = ExitStack()
        self._read: Iterator[tuple[Tensor, Tensor]] | None = None
        self._made: Iterator[tuple[Tensor, Tensor, State]] | None = None
        self._shown: State | None = None  # of the last batch that was taken, where more were made since

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        """Return the next batch."""
        if self.shared:
            return self._in_turn()
        if self._made is None:
            self._made = self._held.enter_context(made_ahead(self._ahead(), self.device))
        images, labels, self._shown = next(self._made)
        return images, labels

    def close(self) -> None:
        """End the thread; the batches continue after the last one that was taken."""
        self._held.close()
        self._read = self._made = None
        if self._shown is not None:
            self.load_state_dict(self._shown)

    def state_dict(self) -> State:
        """Return what decides all batches to come: the order under way, the position in it, and the generator."""
        return self._shown or {"order": self.order, "start": self.start, "draws": self.draws.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Continue where the batches were."""
        self._held.close()
        self._read = self._made = self._shown = None
        self.order, self.start = state["order"], state["start"]
        self.draws.set_state(state["draws"])

    def _ahead(self) -> Generator[tuple[Tensor, Tensor, State], None, None]:
        """Make batches; only the thread that does so draws, and moves the position."""
        while True:
            if self.start + self.size > len(self.order):
                self.order, self.start = torch.randperm(len(self.images), generator=self.draws), 0
            index = self.order[self.start : self.start + self.size]
            self.start += self.size
            moved, labels = self._moved(self.images.stored(index)), self._labels(index)
            yield moved, labels, {"order": self.order, "start": self.start, "draws": self.draws.get_state()}

    def _in_turn(self) -> tuple[Tensor, Tensor]:
        """Return the next batch, read ahead within a pass only, whose order is drawn when the one before is done."""
        if self.start + self.size > len(self.order):
            self._held.close()
            self._read = None
            self.order, self.start = torch.randperm(len(self.images), generator=self.draws), 0
        if self._read is None:
            rest = torch.split(self.order[self.start :], self.size)
            read = ((self.images.stored(index), index) for index in rest if len(index) == self.size)
            self._read = self._held.enter_context(made_ahead(read, torch.device("cpu")))
        stored, index = next(self._read)
        self.start += self.size
        return self._moved(stored), self._labels(index)

    def _moved(self, stored: Tensor) -> Tensor:
        """Augment on the device, before scaling: pixels only move, and integers are a quarter of the bytes."""
        moved = augment(to_device(stored, self.device), self.draws, mirror=self.mirror)
        return self.images.scaled(moved, self.device)

    def _labels(self, index: Tensor) -> Tensor:
        return torch.from_numpy(self.images.labels)[index].to(self.device, non_blocking=True)


@contextmanager
def batches_ahead(images: Images, size: int, device: torch.device) -> Iterator[Iterator[Tensor]]:
    """Make all images in order on a device, `size` at a time, as `Images.batches` returns them, ahead of the loop."""

    def made() -> Generator[Tensor, None, None]:
        for start in range(0, len(images), size):
            yield images.scaled(images.stored(slice(start, start + size)), device)

    with made_ahead(made(), device) as batches:
        yield batches


def class_weights(images: Labelled, classes: int) -> Tensor:
    """Return weights (K,) that give all classes present the same total, with a mean of 1 over the images."""
    counts = torch.bincount(torch.from_numpy(images.labels), minlength=classes).float()
    weights = torch.where(counts > 0, 1 / counts.clamp(min=1), 0.0)
    return weights * (counts.sum() / (weights * counts).sum())


def augment(images: Tensor, draws: torch.Generator, *, mirror: bool = True) -> Tensor:
    """Mirror each image (N, C, H, W) left to right or not, at random, and move it by up to 1/16 of a side.

    Pixels that enter at an edge are mirrored there. All slices of a volume (N, C, D, H, W) move together, in plane.
    Without `mirror`, images move as they would with it.
    """
    count, height, width = len(images), *images.shape[-2:]
    flip = (torch.rand(count, generator=draws) < 0.5) & mirror
    reach = (max(1, round(height * LARGEST_MOVE)), max(1, round(width * LARGEST_MOVE)))
    down, right = (torch.randint(-r, r + 1, (count, 1), generator=draws) for r in reach)
    rows, cols = torch.arange(height) + down, torch.arange(width) + right
    cols = torch.where(flip[:, None], width - 1 - cols, cols)
    rows, cols = (reflected(index, n).to(images.device) for index, n in ((rows, height), (cols, width)))
    place = (rows[:, :, None] * width + cols[:, None, :]).view(count, 1, -1)
    planes = images.reshape(count, -1, height * width)
    return planes.gather(2, place.expand(-1, planes.shape[1], -1)).view(images.shape)


def tell_mirrored(access: Access, *, mirror: bool) -> None:
    """Report that training images are mirrored, where classes are named for sides, which then cannot be learnt."""
    words = {word for name in access.classes for word in re.split("[^a-z]+", name.lower())}
    if mirror and any(pair <= words for pair in SIDES):
        access.report("classes are named for sides, and mirrored images do not show them: give --set mirror=False")
