"""Augmentation by synthesized acquisition shifts, never of the family under test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...benchmark.contract.sees import Sees
from ...shifts import catalogue
from ...shifts.apply import apply_shift
from ...shifts.catalogue import FAMILIES
from ...shifts.fingerprints import fingerprint
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Classifier, cross_entropy


@dataclass(frozen=True)
class AcquisitionAugment(TimmRecipe):
    """Fine-tune from ImageNet on shifted images, leaving out the family of shifts under test.

    Trains five models: one without each family, which predicts the conditions of that family, and one with all
    families, which predicts clean and real conditions. Training uses only the built-in shifts that suit the modality.
    A plug-in's shift of a new family is predicted by the model of all families: whether some built-in resembles that
    shift is unknown. Families overlap, too: `jpeg`, an artefact, also blurs. Known to trade clean accuracy for
    robustness where severe shifts hide the pathology.

    An entry thus holds several models, and that of all families predicts source validation, too. Under a synthesized
    shift of a left-out family, thresholds that were frozen on validation are another model's; its drop from clean is
    the difference of two models; and estimators without labels learn from conditions of other models than the site's.

    Args:
        families: Families of the training shifts, joined by +; the family under test is left out each time.
        share: Fraction of the images in a batch that are shifted, each by one shift.
        severest: Highest severity; severities are drawn from 1 to this.
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
        """Fine-tune the networks and combine them into one predictor."""
        named = self.families.split("+")
        without = {left: self._trained(access, [family for family in named if family != left]) for left in named}
        return LeaveOneFamilyOut(self._trained(access, named), without)

    def _trained(self, access: Access, families: list[str]) -> Predictor:
        """Fine-tune one network with the shifts of some families."""
        access.report(f"training with shifts of {', '.join(families) or 'no family'}")
        shifts = suitable_shifts(access, families)
        known = " ".join(f"{shift}:{fingerprint(shift)}" for shift in shifts)
        loss = ShiftAugmentedLoss(shifts, self.share, self.severest) if shifts else cross_entropy
        name = f"imagenet, fraction {self.share} shifted up to {self.severest} by {known}" if shifts else "imagenet"
        return Classifier(timm_network(access, self, name, loss=loss), self.part_size)


class ShiftAugmentedLoss:
    """Cross-entropy of source images, a random fraction of them shifted.

    Args:
        shifts: Names; each shifted image gets one of them, chosen uniformly.
        share: Fraction of the images that are shifted.
        severest: Severities are drawn uniformly from 1 to this.
    """

    def __init__(self, shifts: Sequence[str], share: float, severest: int) -> None:
        self.shifts, self.share, self.severest = shifts, share, severest

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Return the loss of one batch."""
        return nn.functional.cross_entropy(network(self.changed(images, draws)), labels, weights)

    def changed(self, images: Tensor, draws: torch.Generator) -> Tensor:
        """Shift a random fraction of images (N, C, *spatial), in one call per shift and severity."""
        count = len(images)
        hit = torch.rand(count, generator=draws) < self.share
        which = torch.randint(len(self.shifts), (count,), generator=draws)
        severity = torch.randint(1, self.severest + 1, (count,), generator=draws)
        seed = int(torch.randint(2**31, (), generator=draws))
        kinds = which * (self.severest + 1) + severity
        out = images.clone()
        for kind in sorted(set(kinds[hit].tolist())):
            index = (hit & (kinds == kind)).nonzero().squeeze(1)
            shift, level = self.shifts[kind // (self.severest + 1)], kind % (self.severest + 1)
            rows = index.to(images.device)
            out[rows] = apply_shift(shift, images[rows], level, [str(i) for i in index.tolist()], seed)
        return out


def suitable_shifts(access: Access, families: Sequence[str]) -> list[str]:
    """List the built-in shifts of some families that suit the images."""
    names = catalogue.shifts_for_modality(access.modality, dims=len(access.spatial), channels=access.channels)
    return [name for name in names if catalogue.BUILTINS[name].family in families]


class LeaveOneFamilyOut:
    """A predictor trained with all families, and for each family one trained without it.

    Args:
        whole: Trained with all families; predicts clean and real conditions, and shifts of unknown families.
        without: Family -> the predictor trained without it.
    """

    def __init__(self, whole: Predictor, without: Mapping[str, Predictor]) -> None:
        self.whole, self.without = whole, dict(without)

    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K)."""
        return self.whole(images)

    def leaving_out(self, family: str) -> Predictor:
        """Return the predictor for shifts of this family, which has seen none of them."""
        return self.without.get(family, self.whole)
