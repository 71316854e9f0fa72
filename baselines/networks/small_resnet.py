"""A small ResNet that keeps the full resolution in its first layers: it learns from few images, from a random start."""

from __future__ import annotations

from typing import Any

from torch import nn

NAME = "small-resnet"
WIDTHS = (16, 32, 64, 128)


def small_resnet(channels: int) -> Any:  # noqa: ANN401 - for timm's own methods
    """Make timm's ResNet-10 at a quarter of its width, with a first convolution of 3x3 and stride 1, and no pool.

    So do He et al. (arXiv 1512.03385, section 4.2) with images of 32 pixels: a small sign is not averaged away before
    anything is learnt. 0.3 million weights.

    Args:
        channels: Channels of its input.
    """
    from timm.models.resnet import BasicBlock, ResNet

    block: Any = BasicBlock  # timm's annotation is that of an object, not of its class
    made: Any = ResNet(
        block, (1, 1, 1, 1), in_chans=channels, channels=WIDTHS, stem_type="deep", stem_width=WIDTHS[0] // 2
    )
    made.conv1 = nn.Conv2d(channels, WIDTHS[0], 3, padding=1, bias=False)
    nn.init.kaiming_normal_(made.conv1.weight, mode="fan_out", nonlinearity="relu")
    made.maxpool = nn.Identity()
    made.pretrained_cfg = {"input_size": (3, 64, 64), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    return made
