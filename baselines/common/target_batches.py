"""Unlabelled target images, and random batches of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...benchmark.contract.access import Access
from ...benchmark.datasets.images import Images, Pool, to_device
from ...shifts.errors import MedshiftError
from .batches import augment

NAMED = 8  # targets that a line names


def unlabelled(access: Access) -> Pool:
    """Pool the adaptation images of all targets, in the order of the targets' names, without a copy.

    Raises:
        MedshiftError: As of `adapted_to`.
    """
    return Pool(adapted_to(access))


def adapted_to(access: Access) -> list[Images]:
    """List the adaptation images of the targets that have some, in the order of the targets' names; report the others.

    A target has none if all its patients are for test: its only one, or all by the data's own column `split`.

    Raises:
        MedshiftError: The protocol has no target, or none has adaptation images.
    """
    if not access.targets:
        raise MedshiftError("there is no target to adapt to: leave out --targets, or choose another baseline")
    names = sorted(access.targets)
    empty = [name for name in names if not len(access.targets[name])]
    if len(empty) == len(names):
        raise MedshiftError(
            f"no target has images to adapt to ({_listed(names)}): use a protocol that was made without --no-adapt, or "
            "choose another baseline"
        )
    if empty:
        access.report(f"not adapted to, since no images of them are kept for that: {_listed(empty)}")
    return [access.targets[name] for name in names if name not in empty]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


class TargetBatches:
    """Random batches of the unlabelled images of one target at a time, of those that have some.

    Together, several targets make a distribution that none of them has: methods that look at a batch as a whole would
    tell the targets apart in place of the classes.

    Args:
        access: What may be seen.
        mirror: Whether images are mirrored at random, as in `Recipe`.

    Raises:
        MedshiftError: As of `adapted_to`.
    """

    def __init__(self, access: Access, *, mirror: bool = True) -> None:
        self.targets, self.mirror = adapted_to(access), mirror

    def draw(self, like: Tensor, draws: torch.Generator) -> Tensor:
        """Draw a target, and a batch of its images of the size and device of `like`, augmented like training images."""
        chosen = int(torch.randint(len(self.targets), (), generator=draws))
        return draw_like(self.targets[chosen], like, draws, mirror=self.mirror)


def draw_like(images: Images | Pool, like: Tensor, draws: torch.Generator, *, mirror: bool = True) -> Tensor:
    """Draw a batch of the size and device of `like`, with replacement, augmented like training images."""
    chosen = torch.randint(len(images), (len(like),), generator=draws)
    moved = augment(to_device(images.stored(chosen), like.device), draws, mirror=mirror)
    return images.scaled(moved, like.device)
