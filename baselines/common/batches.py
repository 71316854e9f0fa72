"""Random, augmented batches of training images, made while the network works on those before."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

import torch
from torch import Tensor

from ...benchmark.datasets.images import Images, Labelled, to_device
from ...benchmark.datasets.streaming.ahead import made_ahead
from ...shifts.numerics.matrices import reflected

LARGEST_MOVE = 1 / 16  # fraction of the image side


@contextmanager
def training_batches(
    images: Labelled, size: int, draws: torch.Generator, device: torch.device, *, shared: bool
) -> Iterator[Iterator[tuple[Tensor, Tensor]]]:
    """Make random batches without end: augmented images in [0, 1] and their labels, on the device.

    They are the same whether made ahead or not, because all random numbers are drawn in the same order. Where the loss
    draws from them between two batches (mixing pairs, target images), only what needs none is done ahead: images are
    read, of one pass through the data after the other.

    Args:
        images: The images.
        size: Images in a batch.
        draws: Source of random numbers.
        device: Where the network is.
        shared: Whether others draw from `draws` between two batches.
    """
    with (
        closing(_in_turn(images, size, draws, device))
        if shared
        else made_ahead(_augmented(images, size, draws, device), device) as batches
    ):
        yield batches


@contextmanager
def batches_ahead(images: Images, size: int, device: torch.device) -> Iterator[Iterator[Tensor]]:
    """Make all images in order on a device, `size` at a time, as `Images.batches` returns them, ahead of the loop."""

    def made() -> Generator[Tensor, None, None]:
        for start in range(0, len(images), size):
            yield images.scaled(images.stored(slice(start, start + size)), device)

    with made_ahead(made(), device) as batches:
        yield batches


def _augmented(
    images: Labelled, size: int, draws: torch.Generator, device: torch.device
) -> Generator[tuple[Tensor, Tensor], None, None]:
    for index in random_batches(len(images), size, draws):
        yield _moved(images, images.stored(index), draws, device), _labels(images, index, device)


def _in_turn(
    images: Labelled, size: int, draws: torch.Generator, device: torch.device
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """Yield the same, but read ahead within a pass only, whose order is drawn when the one before is done."""
    for order in passes(len(images), size, draws):

        def read(order: list[Tensor] = order) -> Generator[tuple[Tensor, Tensor], None, None]:
            for index in order:
                yield images.stored(index), index

        with made_ahead(read(), torch.device("cpu")) as batches:
            for stored, index in batches:
                yield _moved(images, stored, draws, device), _labels(images, index, device)


def _moved(images: Images, stored: Tensor, draws: torch.Generator, device: torch.device) -> Tensor:
    """Augment on the device, before scaling: pixels only move, and integers are a quarter of the bytes."""
    return images.scaled(augment(to_device(stored, device), draws), device)


def _labels(images: Labelled, index: Tensor, device: torch.device) -> Tensor:
    return torch.from_numpy(images.labels)[index].to(device, non_blocking=True)


def random_batches(count: int, size: int, draws: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices of batches without end: all images in random order, again and again, without a rest."""
    for order in passes(count, size, draws):
        yield from order


def passes(count: int, size: int, draws: torch.Generator) -> Iterator[list[Tensor]]:
    """Yield the indices of all batches of a pass through the data, pass by pass, without end."""
    size = min(size, count)
    while True:
        order = torch.randperm(count, generator=draws)
        yield [order[start : start + size] for start in range(0, count - size + 1, size)]


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
    rows, cols = (reflected(index, n).to(images.device) for index, n in ((rows, height), (cols, width)))
    place = (rows[:, :, None] * width + cols[:, None, :]).view(count, 1, -1)
    planes = images.reshape(count, -1, height * width)
    return planes.gather(2, place.expand(-1, planes.shape[1], -1)).view(images.shape)
