"""Robust training by weight averaging: a flat region of the loss, not one point in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import Choice, Space
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from torch import nn

    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees
    from .recipe import Recipe
    from .training import Loss


@dataclass(frozen=True)
class Swad(TimmRecipe):
    """Fine-tune from ImageNet and average the weights of all steps while the loss on source validation stays low.

    The statistics of batch norms are computed anew on the source, with the average. The learning rate goes one cycle as
    in all baselines (the paper's is constant), so that the last steps lie close together; training ends where the
    valley does, whatever `patience` says. Known to need a validation set large enough to see the valley by.

    Args:
        converge: The average begins with a loss that the next ones, so many together with it, do not undercut.
        tolerance: It ends before so many losses in a row above the threshold.
        rise: By which share the threshold lies above the mean of the first `converge` losses.
        evaluations: How often an epoch the loss is looked at.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Cha et al., NeurIPS 2021, arXiv 2102.08604"
    search: ClassVar[Space] = {**TimmRecipe.search, "rise": Choice((0.1, 0.2, 0.3, 0.5))}

    converge: int = 3
    tolerance: int = 6
    rise: float = 0.3
    evaluations: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        super().__post_init__()
        if min(self.converge, self.tolerance, self.evaluations) < 1 or self.rise < 0:
            raise ValueError("converge, tolerance and evaluations must be at least 1, rise not negative")

    def fit(self, access: Access) -> Predictor:
        """Returns the averaged network."""
        from .networks import timm_network
        from .training import Classifier, train
        from .valley import DenseAverage, LossValley

        def keep(network: nn.Module, access: Access, recipe: Recipe) -> DenseAverage:
            valley = LossValley(self.converge, self.tolerance, self.rise)
            return DenseAverage(network, access, recipe, valley, self.evaluations)

        def learn(network: nn.Module, access: Access, recipe: Recipe, loss: Loss) -> None:
            train(network, access, recipe, loss, keep)

        name = f"imagenet, averaged {self.converge} {self.tolerance} {self.rise} {self.evaluations}"
        return Classifier(timm_network(access, self, name, learn=learn, code=["valley"]))
