"""The predictor of `tta`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # down, right


class MeanOfViews:
    """Predicts the mean of what a network says of ten views of each image.

    Args:
        network: Takes images one by one: its batch norms have statistics of their own.
        move: How far views are moved, as a share of the side.
    """

    def __init__(self, network: nn.Module, move: float) -> None:
        self.network = network.eval()
        self.move = move

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K)."""
        return torch.stack([self.network(view).softmax(1) for view in views(images, self.move)]).mean(0)


def views(images: Tensor, move: float) -> Iterator[Tensor]:
    """Yields images (N, C, H, W), the given ones first: in place and moved four ways, each as it is and mirrored.

    What enters at an edge is the image mirrored there. Slices of a volume (N, C, D, H, W) all move alike, in plane.
    """
    height, width = images.shape[-2:]
    down, right = (max(1, round(side * move)) for side in (height, width))
    around = nn.functional.pad(images.flatten(1, -3), (right, right, down, down), mode="reflect")
    for rows, cols in MOVES:
        top, left = (1 + rows) * down, (1 + cols) * right
        view = around[..., top : top + height, left : left + width].reshape(images.shape)
        yield view
        yield view.flip(-1)
