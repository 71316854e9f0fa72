"""Training on synthesized shifts, one model for each family that is left out (`acquisition-augment`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..benchmark.contract.access import Access
from ..benchmark.contract.predictor import Predictor
from ..shifts import catalogue
from ..shifts.apply import apply


class Shifted:
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
            out[there] = apply(shift, images[there], level, [str(i) for i in index.tolist()], seed)
        return out


def fitting(access: Access, families: Sequence[str]) -> list[str]:
    """Returns the built-in shifts of some families that make sense for the images."""
    names = catalogue.for_modality(access.modality, dims=len(access.spatial), channels=access.channels)
    return [name for name in names if catalogue.BUILTINS[name].family in families]


class LeavingOut:
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
