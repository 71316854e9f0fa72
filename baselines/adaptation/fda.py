"""Unsupervised adaptation in Fourier space: train on source images in the targets' coarse look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.search_space import Choice, Space
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.target_batches import draw_like, unlabelled
from ..common.training import Classifier

if TYPE_CHECKING:
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Fda(TimmRecipe):
    """Fine-tune from ImageNet on source images that have the low-frequency amplitudes of the targets' images.

    Every training image gets those of a target image drawn for it; the entropy of the paper's loss is left out. Known
    to ring where beta is above .05, and to lose what the mean grey of an image says of its class. The epoch is chosen
    on source validation images as they are.

    Args:
        beta: Up to which frequency amplitudes are swapped, as a share of the smallest side; the paper has .01, .05 and
            .09. Small images need large shares: 64 pixels at .05 swap three frequencies either way, at .01 the mean.
    """

    sees: ClassVar[Sees] = "target-unlabelled"
    paper: ClassVar[str] = "Yang and Soatto, CVPR 2020, arXiv 2004.05498"
    search: ClassVar[Space] = {**TimmRecipe.search, "beta": Choice((0.01, 0.05, 0.09))}

    beta: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        super().__post_init__()
        if not 0 <= self.beta <= 0.5:
            raise ValueError("beta must be in [0, 0.5]")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned network."""
        name = f"imagenet, amplitudes swapped up to {self.beta}"
        loss = FourierSwapLoss(access, self.beta)
        return Classifier(timm_network(access, self, name, loss=loss))


def swap_amplitudes(source: Tensor, target: Tensor, beta: float) -> Tensor:
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


class FourierSwapLoss:
    """Cross-entropy of source images, each with the low amplitudes of a target image drawn for it."""

    def __init__(self, access: Access, beta: float) -> None:
        self.target, self.beta = unlabelled(access), beta

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Returns the loss of one batch."""
        adapted = swap_amplitudes(images, draw_like(self.target, images, draws), self.beta)
        return nn.functional.cross_entropy(network(adapted), labels, weights)
