"""Unlabelled target images, and random batches of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ...benchmark.contract.access import Access
from ...benchmark.datasets.images import Images, Pool, to_device
from ...shifts.errors import MedshiftError
from .batches import augment


def unlabelled(access: Access) -> Pool:
    """Pool the adaptation images of all targets, in the order of the targets' names, without a copy.

    Raises:
        MedshiftError: The protocol has no target.
    """
    need_targets(access)
    return Pool([access.targets[name] for name in sorted(access.targets)])


def need_targets(access: Access) -> None:
    """Raise MedshiftError if there is no target."""
    if not access.targets:
        raise MedshiftError("there is no target to adapt to: leave out --targets, or choose another baseline")


class TargetBatches:
    """Random batches of the unlabelled images of one target at a time.

    Together, several targets make a distribution that none of them has: methods that look at a batch as a whole would
    tell the targets apart in place of the classes.

    Args:
        access: What may be seen.

    Raises:
        MedshiftError: The protocol has no target.
    """

    def __init__(self, access: Access) -> None:
        need_targets(access)
        self.targets = [access.targets[name] for name in sorted(access.targets)]

    def draw(self, like: Tensor, draws: torch.Generator) -> Tensor:
        """Draw a target, and a batch of its images of the size and device of `like`, augmented like training images."""
        chosen = int(torch.randint(len(self.targets), (), generator=draws))
        return draw_like(self.targets[chosen], like, draws)


def draw_like(images: Images | Pool, like: Tensor, draws: torch.Generator) -> Tensor:
    """Draw a batch of the size and device of `like`, with replacement, augmented like training images."""
    chosen = torch.randint(len(images), (len(like),), generator=draws)
    return images.scaled(augment(to_device(images.stored(chosen), like.device), draws), like.device)
