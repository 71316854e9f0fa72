"""CBR networks: small stacks of conv - batch norm - ReLU, trained from scratch as a yardstick for large networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.sees import Sees
from ...shifts.errors import MedshiftError
from ..common.recipe import Recipe
from ..common.training import Classifier, source_network

PAPER = "Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208"


@dataclass(frozen=True)
class CbrTiny(Recipe):
    """Train CBR-Tiny from scratch: 5x5, 32 to 256 channels, the widths that give the paper's parameter count."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = PAPER
    kernel: ClassVar[int] = 5
    widths: ClassVar[tuple[int, ...]] = (32, 64, 128, 256)
    last_pool: ClassVar[bool] = True

    def fit(self, access: Access) -> Predictor:
        """Train the network."""
        name = f"cbr {self.kernel} {self.widths} {self.last_pool}"
        return Classifier(source_network(access, self, name, lambda: self.network(access)), self.part_size)

    def network(self, access: Access) -> nn.Module:
        """Build the untrained network for the images' native channels."""
        if len(access.spatial) != 2:
            raise MedshiftError(f"CBR networks take 2-D images; these are {len(access.spatial)}-D")
        return cbr_network(access.channels, self.widths, self.kernel, self.last_pool, len(access.classes))


@dataclass(frozen=True)
class CbrTinyWide(CbrTiny):
    """Train CBR-Tiny from scratch with the widths in the paper's text: 5x5, 64 to 512 channels."""

    widths: ClassVar[tuple[int, ...]] = (64, 128, 256, 512)


@dataclass(frozen=True)
class CbrSmall(CbrTiny):
    """Train CBR-Small from scratch: 7x7, 32 to 256 channels."""

    kernel: ClassVar[int] = 7


@dataclass(frozen=True)
class CbrLargeW(CbrTiny):
    """Train CBR-LargeW (wide) from scratch: 7x7, 64 to 512 channels."""

    kernel: ClassVar[int] = 7
    widths: ClassVar[tuple[int, ...]] = (64, 128, 256, 512)


@dataclass(frozen=True)
class CbrLargeT(CbrTiny):
    """Train CBR-LargeT (tall) from scratch: 7x7, five blocks of 32 to 512 channels."""

    kernel: ClassVar[int] = 7
    widths: ClassVar[tuple[int, ...]] = (32, 64, 128, 256, 512)
    last_pool: ClassVar[bool] = False


def cbr_network(channels: int, widths: Sequence[int], kernel: int, last_pool: bool, classes: int) -> nn.Module:
    """Build a CBR network: blocks of convolution, batch norm, ReLU, 3x3 max-pool of stride 2; mean over space; linear.

    Convolutions keep the size and pools are padded, so images of 64 px and less work.

    Args:
        channels: Channels of the images.
        widths: Output channels of the blocks.
        kernel: Side of the convolution kernels.
        last_pool: Whether the last block pools, too.
        classes: Number of outputs.
    """
    blocks: list[nn.Module] = []
    for index, width in enumerate(widths):
        blocks += [
            nn.Conv2d(channels, width, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        if last_pool or index < len(widths) - 1:
            blocks.append(nn.MaxPool2d(3, stride=2, padding=1))
        channels = width
    return nn.Sequential(Centre(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class Centre(nn.Module):
    """Maps [0, 1] to [-1, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        """Return images of the same shape, channels last in memory."""
        return (images * 2 - 1).contiguous(memory_format=torch.channels_last)
