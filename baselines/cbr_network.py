"""The CBR network itself (Raghu et al., NeurIPS 2019, arXiv 1902.07208)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def cbr_network(channels: int, widths: Sequence[int], kernel: int, last_pool: bool, classes: int) -> nn.Module:
    """Returns a CBR net: blocks of convolution, batch norm, ReLU, 3x3 max-pool of stride 2; mean over space; linear.

    Convolutions keep the size and pools are padded, so that 64 px and less work.

    Args:
        channels: Of the images.
        widths: Output channels of the blocks.
        kernel: Side of the convolutions.
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
        """Returns images of the same shape, channels last."""
        return (images * 2 - 1).contiguous(memory_format=torch.channels_last)
