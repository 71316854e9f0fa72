"""The loss of `fda`: source images with the coarse amplitudes of a target's."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..benchmark.contract.access import Access
from .unlabelled import drawn, unlabelled


def swapped(source: Tensor, target: Tensor, beta: float) -> Tensor:
    """Returns source images whose lowest spatial frequencies have the target images' amplitudes, in [0, 1].

    Phases, which hold what is where, stay the source's.

    Args:
        source: (N, C, *spatial) in [0, 1].
        target: Of the same shape.
        beta: Up to which frequency along each axis, as a share of the smallest side, rounded down; below 1 / side
            only the mean is swapped.
    """
    axes = tuple(range(2, source.ndim))
    reach = math.floor(beta * min(source.shape[2:]))
    low = torch.ones((), dtype=torch.bool, device=source.device)
    for side in source.shape[2:]:
        frequency = torch.fft.fftfreq(side, 1 / side, device=source.device).abs()
        low = low[..., None] & (frequency <= reach)
    spectrum, other = (torch.fft.fftn(images, dim=axes) for images in (source, target))
    mixed = torch.polar(torch.where(low, other.abs(), spectrum.abs()), spectrum.angle())
    swapped_images: Tensor = torch.fft.ifftn(mixed, dim=axes).real.clamp(0, 1)
    return swapped_images


class Swapped:
    """Cross-entropy of source images, each with the low amplitudes of a target image drawn for it."""

    def __init__(self, access: Access, beta: float) -> None:
        self.target, self.beta = unlabelled(access), beta

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Returns the loss of one batch."""
        adapted = swapped(images, drawn(self.target, images, draws), self.beta)
        return nn.functional.cross_entropy(network(adapted), labels, weights)
