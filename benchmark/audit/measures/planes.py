"""Images as planes, and the batched filters that the measures share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ....shifts.pixels import LUMA

SLICES = 3  # slices taken from a volume
CLIPPED = 1.5 / 255  # pixels closer to black or white than this are not used to measure noise


def planes(images: Tensor) -> tuple[Tensor, int]:
    """Return planes (N * S, C, H, W) of images (N, C, *spatial), and S: 1 for images, 3 slices for volumes."""
    if images.ndim == 4:
        return images, 1
    depth = images.shape[2]
    chosen = [round((depth - 1) * (index + 1) / (SLICES + 1)) for index in range(SLICES)]
    return images[:, :, chosen].movedim(2, 1).flatten(0, 1), SLICES


def luma(images: Tensor) -> Tensor:
    """Return the brightness (M, H, W) of planes (M, C, H, W): luma for three channels, else the mean."""
    if images.shape[1] == 3:
        return sum((images[:, i] * weight for i, weight in enumerate(LUMA)), torch.zeros(()))
    return images.mean(1)


def smooth(plane: Tensor, side: int = 3) -> Tensor:
    """Average over a window of odd side, (M, H, W); windows at the edge hold fewer pixels."""
    return avg_pool2d(plane[:, None], side, stride=1, padding=side // 2, count_include_pad=False)[:, 0]


def halved(plane: Tensor) -> Tensor:
    """Average 2 x 2 blocks, (M, H // 2, W // 2)."""
    return avg_pool2d(plane[:, None], 2)[:, 0]


def slopes(plane: Tensor) -> tuple[Tensor, Tensor]:
    """Compute central differences down and across, both (M, H - 2, W - 2), per pixel."""
    return (plane[:, 2:, 1:-1] - plane[:, :-2, 1:-1]) / 2, (plane[:, 1:-1, 2:] - plane[:, 1:-1, :-2]) / 2


def decibels(ratio: Tensor) -> Tensor:
    """Convert a ratio of powers to decibels."""
    return 10 * ratio.clamp(min=1e-12).log10()


def ranked(values: Tensor, share: float) -> Tensor:
    """Select the quantile, (M,), that a given share of each row (M, n) does not exceed, without sorting."""
    return values.kthvalue(max(1, round(share * values.shape[1])), dim=1).values
