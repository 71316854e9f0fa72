"""Test-time classifier adjustment: the last layer becomes the mean of sure test features, without a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import Choice, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees


@dataclass(frozen=True)
class T3A(TimmRecipe):
    """Replace the last layer's weights by the mean of the surest test features of each class so far.

    A batch of one image is as good as any: the network looks at images one by one, and the memory fills up in the same
    order. Where one class dominates the stream, or is all of it, its prototype moves and the others stay the source's
    last layer, of length 1; features taken for another class pull that one over: known to harm.

    Args:
        supports: How many features a class keeps, the surest.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Iwasawa and Matsuo, NeurIPS 2021"
    search: ClassVar[Space] = {**TimmRecipe.search, "supports": Choice((5, 20, 50, 100))}

    supports: int = 100

    def __post_init__(self) -> None:
        """Refuse an empty memory."""
        super().__post_init__()
        if self.supports < 1:
            raise ValueError("supports must be at least 1")

    def fit(self, access: Access) -> Predictor:
        """Returns the adjusting network."""
        from .networks import shared_model
        from .prototypes import Prototypes

        return Prototypes(shared_model(access, self), self.supports)
