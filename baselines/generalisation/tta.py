"""Plain test-time augmentation: the mean prediction over mirrored and moved views of each image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model

if TYPE_CHECKING:
    from ...benchmark.contract.access import Access
    from ...benchmark.contract.predictor import Predictor
    from ...benchmark.contract.sees import Sees


@dataclass(frozen=True)
class Tta(TimmRecipe):
    """Average the probabilities of ten views of each image: mirrored or not, in place or moved a little four ways.

    Views are geometric, as in training, and resemble no scored shift. It `sees` the source alone: every image is
    predicted by itself and nothing is learnt from it, so that small batches and batches of one class change nothing.
    Costs ten times the prediction.

    Args:
        move: How far, as a share of the side; at least one pixel. Training moves by up to a sixteenth.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Krizhevsky et al., NeurIPS 2012; Shanmugam et al., ICCV 2021, arXiv 2011.11156"

    move: float = 0.03125

    def __post_init__(self) -> None:
        """Refuse moves that leave little of the image."""
        super().__post_init__()
        if not 0 < self.move <= 0.25:
            raise ValueError("move must be in (0, 0.25]")

    def fit(self, access: Access) -> Predictor:
        """Returns the network with the views before it."""
        return TtaPredictor(shared_model(access, self), self.move)


MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # down, right


class TtaPredictor:
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
