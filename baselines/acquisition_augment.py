"""Robust training: synthesized acquisition shifts as augmentation, never of the family that is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..benchmark.contract.search_space import Choice, Space
from ..shifts.catalogue import FAMILIES
from .recipe import TimmRecipe

if TYPE_CHECKING:
    from ..benchmark.contract.access import Access
    from ..benchmark.contract.predictor import Predictor
    from ..benchmark.contract.sees import Sees


@dataclass(frozen=True)
class AcquisitionAugment(TimmRecipe):
    """Fine-tune from ImageNet on shifted images, leaving out the family of shifts that is scored.

    There is one model for each family left out, which predicts the conditions of that family, and one that was trained
    with all families, which predicts clean and real conditions: five trainings. Built-in shifts alone are trained with,
    those that make sense for the modality. Under a plug-in's shift of a family of its own the model of all families
    predicts: whether some built-in is like that shift is not known. Families are not worlds apart, either: `jpeg`, of
    the artefacts, blurs, too. Known to trade clean accuracy for robustness where severe shifts hide the sign.

    Args:
        families: From which families training draws shifts, joined by +; the one that is scored is left out each time.
        share: Of the images of a batch to be shifted, each by one shift.
        severest: Severities are drawn from 1 to this.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "after Hendrycks et al., AugMix, ICLR 2020, arXiv 1912.02781, without its chains"
    search: ClassVar[Space] = {**TimmRecipe.search, "share": Choice((0.25, 0.5, 0.75)), "severest": Choice((2, 3, 5))}

    families: str = "+".join(FAMILIES)
    share: float = 0.5
    severest: int = 3

    def __post_init__(self) -> None:
        """Refuse families that do not exist."""
        super().__post_init__()
        named = self.families.split("+")
        if not set(named) <= set(FAMILIES) or len(set(named)) < len(named):
            raise ValueError(f"families must be some of {'+'.join(FAMILIES)}, each once")
        if not 0 <= self.share <= 1 or not 1 <= self.severest <= 5:
            raise ValueError("share must be in [0, 1], severest 1 to 5")

    def fit(self, access: Access) -> Predictor:
        """Returns the fine-tuned networks, as one predictor."""
        from .shifted import LeavingOut

        named = self.families.split("+")
        without = {left: self._trained(access, [family for family in named if family != left]) for left in named}
        return LeavingOut(self._trained(access, named), without)

    def _trained(self, access: Access, families: list[str]) -> Predictor:
        """Returns the network fine-tuned with shifts of some families."""
        from ..shifts.fingerprint import fingerprint
        from .networks import timm_network
        from .shifted import Shifted, fitting
        from .training import Classifier, cross_entropy

        access.report(f"training with shifts of {', '.join(families) or 'no family'}")
        shifts = fitting(access, families)
        known = " ".join(f"{shift}:{fingerprint(shift)}" for shift in shifts)
        loss = Shifted(shifts, self.share, self.severest) if shifts else cross_entropy
        name = f"imagenet, {self.share} shifted up to {self.severest} by {known}" if shifts else "imagenet"
        return Classifier(timm_network(access, self, name, loss=loss, code=["shifted"] if shifts else []))
