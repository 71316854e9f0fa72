"""Robust training: synthesized acquisition shifts as augmentation, never of the family that is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...shifts import catalogue
from ...shifts.apply import apply_shift
from ...shifts.catalogue import FAMILIES
from ...shifts.fingerprints import fingerprint
from ..common.recipe import TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Classifier, cross_entropy

if TYPE_CHECKING:
    from ...benchmark.contract.sees import Sees


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
        named = self.families.split("+")
        without = {left: self._trained(access, [family for family in named if family != left]) for left in named}
        return LeaveOneFamilyOut(self._trained(access, named), without)

    def _trained(self, access: Access, families: list[str]) -> Predictor:
        """Returns the network fine-tuned with shifts of some families."""
        access.report(f"training with shifts of {', '.join(families) or 'no family'}")
        shifts = suitable_shifts(access, families)
        known = " ".join(f"{shift}:{fingerprint(shift)}" for shift in shifts)
        loss = ShiftAugmentedLoss(shifts, self.share, self.severest) if shifts else cross_entropy
        name = f"imagenet, {self.share} shifted up to {self.severest} by {known}" if shifts else "imagenet"
        return Classifier(timm_network(access, self, name, loss=loss))


class ShiftAugmentedLoss:
    """Cross-entropy of source images, of which a share have had a shift.

    Args:
        shifts: Names; an image has one of them, all alike.
        share: Of the images to be shifted.
        severest: Severities are 1 to this, all alike.
    """

    def __init__(self, shifts: Sequence[str], share: float, severest: int) -> None:
        self.shifts, self.share, self.severest = shifts, share, severest

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
    ) -> Tensor:
        """Returns the loss of one batch."""
        return nn.functional.cross_entropy(network(self.changed(images, draws)), labels, weights)

    def changed(self, images: Tensor, draws: torch.Generator) -> Tensor:
        """Returns images (N, C, *spatial), a share of them shifted; each shift is applied once at each severity."""
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
            there = index.to(images.device)
            out[there] = apply_shift(shift, images[there], level, [str(i) for i in index.tolist()], seed)
        return out


def suitable_shifts(access: Access, families: Sequence[str]) -> list[str]:
    """Returns the built-in shifts of some families that make sense for the images."""
    names = catalogue.shifts_for_modality(access.modality, dims=len(access.spatial), channels=access.channels)
    return [name for name in names if catalogue.BUILTINS[name].family in families]


class LeaveOneFamilyOut:
    """One predictor that was trained with all families, and one for each family without it.

    Args:
        whole: Predicts where no family is scored: clean and real conditions, and shifts of no known family.
        without: Family -> what was trained without it.
    """

    def __init__(self, whole: Predictor, without: Mapping[str, Predictor]) -> None:
        self.whole, self.without = whole, dict(without)

    def __call__(self, images: Tensor) -> Tensor:
        """Returns probabilities (N, K)."""
        return self.whole(images)

    def leaving_out(self, family: str) -> Predictor:
        """Returns what predicts a condition with a shift of this family: it has seen none of them."""
        return self.without.get(family, self.whole)
