"""Test-time augmentation: the mean prediction over mirrored and translated views of each image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.sees import Sees
from ..common.recipe import TimmRecipe
from ..common.source_model import shared_model
from ..common.training import Classifier


@dataclass(frozen=True)
class Tta(TimmRecipe):
    """Average the probabilities of ten views of each image: five small translations, each also mirrored.

    Views are geometric, as in training, and resemble no scored shift. The method `sees` only the source: every image is
    predicted independently and nothing is learnt from it, so batch size and class mix do not matter. Prediction costs
    ten times as much. With `mirror=False` there are the five translations only.

    Args:
        move: Translation as a fraction of the side, at least one pixel. Training moves images by up to a sixteenth.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Krizhevsky et al., NeurIPS 2012; Shanmugam et al., ICCV 2021, arXiv 2011.11156"

    move: float = 0.03125

    def __post_init__(self) -> None:
        """Refuse translations that leave little of the image."""
        super().__post_init__()
        if not 0 < self.move <= 0.25:
            raise ValueError("move must be in (0, 0.25]")

    def fit(self, access: Access) -> Predictor:
        """Train the source model and wrap it in the averaging of views."""
        return TtaPredictor(shared_model(access, self), self.move, mirror=self.mirror, part_size=self.part_size)


MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # down, right


class TtaPredictor:
    """Averages a network's probabilities over the views of each image.

    Args:
        network: A network whose batch norms use stored statistics, so that images do not affect one another.
        move: Translation of the views, as a fraction of the side.
        mirror: Whether each is also mirrored.
        part_size: As of `Classifier`.
    """

    def __init__(self, network: nn.Module, move: float, *, mirror: bool = True, part_size: int = 0) -> None:
        self.predict = Classifier(network, part_size)
        self.move, self.mirror = move, mirror

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K)."""
        made = [self.predict(view) for view in views(images, self.move, mirror=self.mirror)]
        return torch.stack(made).mean(0)


def views(images: Tensor, move: float, *, mirror: bool = True) -> Iterator[Tensor]:
    """Yield views of images (N, C, H, W): in place and moved in four directions, each plain and, if asked, mirrored.

    The unchanged images come first. Pixels that enter at an edge are mirrored there. All slices of a volume
    (N, C, D, H, W) move together, in plane.
    """
    height, width = images.shape[-2:]
    down, right = (max(1, round(side * move)) for side in (height, width))
    around = nn.functional.pad(images.flatten(1, -3), (right, right, down, down), mode="reflect")
    for rows, cols in MOVES:
        top, left = (1 + rows) * down, (1 + cols) * right
        view = around[..., top : top + height, left : left + width].reshape(images.shape)
        yield view
        if mirror:
            yield view.flip(-1)
