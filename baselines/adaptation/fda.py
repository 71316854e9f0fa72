"""Fourier domain adaptation: train on source images with the low-frequency amplitudes of target images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.target_batches import draw_like, unlabelled
from ..common.training import Classifier


@dataclass(frozen=True)
class Fda(TimmRecipe):
    """Fine-tune from ImageNet on source images with the low-frequency amplitudes of target images.

    Every training image gets the amplitudes of a randomly drawn target image, and is clipped to [0, 1]. Of the paper,
    the entropy term of the loss, the mean over three bands, and the round of self-training are left out. Known to cause
    ringing where beta is above .05, and to lose what the mean grey level of an image says about its class. The epoch is
    chosen on unmodified source validation images.

    Args:
        beta: Highest frequency swapped, as a fraction of the smallest side; the paper has .01, .05 and .09. Small
            images need large fractions: on 64 pixels, .05 swaps three frequencies in each direction, .01 only the mean.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Yang and Soatto, CVPR 2020, arXiv 2004.05498"
    search: ClassVar[Space] = {**TimmRecipe.search, "beta": Choice((0.01, 0.05, 0.09))}

    beta: float = 0.05

    def __post_init__(self) -> None:
        """Refuse a fraction out of range."""
        super().__post_init__()
        if not 0 <= self.beta <= 0.5:
            raise ValueError("beta must be in [0, 0.5]")

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        name = f"imagenet, fourier amplitudes up to {self.beta}"
        loss = FourierSwapLoss(access, self.beta, mirror=self.mirror)
        return Classifier(timm_network(access, self, name, loss=loss), self.part_size)


class FourierSwapLoss:
    """Cross-entropy of source images, each with the low-frequency amplitudes of a random target image."""

    def __init__(self, access: Access, beta: float, *, mirror: bool = True) -> None:
        self.target, self.beta, self.mirror = unlabelled(access), beta, mirror

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Return the loss of one batch."""
        others = draw_like(self.target, images, draws, mirror=self.mirror)
        adapted = swap_amplitudes(images, others, self.beta)
        return nn.functional.cross_entropy(network(adapted), labels, weights)


def swap_amplitudes(source: Tensor, target: Tensor, beta: float) -> Tensor:
    """Give source images the amplitudes of target images at low spatial frequencies; the result is clipped to [0, 1].

    Phases, which carry the structure, stay the source's.

    Args:
        source: (N, C, *spatial) in [0, 1].
        target: Images of the same shape.
        beta: Highest frequency along each axis, as a fraction of the smallest side, rounded down; below 1 / side
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
    swapped: Tensor = torch.fft.ifftn(mixed, dim=axes).real.clamp(0, 1)
    return swapped
