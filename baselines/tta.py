"""Plain test-time augmentation: the mean prediction over mirrored and moved views of each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees


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
        from .networks import shared_model
        from .views import MeanOfViews

        return MeanOfViews(shared_model(access, self), self.move)
