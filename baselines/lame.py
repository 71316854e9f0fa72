"""Test-time correction of the outputs alone: neighbours in feature space are drawn to the same class."""

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
class Lame(TimmRecipe):
    """Correct the probabilities of a test batch so that near features agree; the network stays as it is.

    Made for streams in which neighbours belong together; known to hurt on shuffled, independent ones.

    A batch of one image has no neighbours and keeps the network's probabilities. A batch of one class is what the
    method is made for: doubtful images are drawn to the surer ones' class, wrongly where most are wrong. In a batch
    with fewer images of a class than `neighbours`, that class has neighbours of another and may be drawn over.

    Args:
        neighbours: Nearest features in the batch that count.
        steps: At most so many fixed-point iterations.
    """

    sees: ClassVar[Sees] = "test-batches"
    paper: ClassVar[str] = "Boudiaf et al., CVPR 2022, arXiv 2201.05718"
    search: ClassVar[Space] = {**TimmRecipe.search, "neighbours": Choice((1, 3, 5, 10))}

    neighbours: int = 5
    steps: int = 100

    def fit(self, access: Access) -> Predictor:
        """Returns the network with the correction behind it."""
        from .laplacian import Laplacian
        from .networks import shared_model

        return Laplacian(shared_model(access, self), self.neighbours, self.steps)
