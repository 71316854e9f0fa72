"""Unlabelled target images, and random batches of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...benchmark.contract.access import Access
from ...benchmark.datasets.images import Images
from ...shifts.errors import MedshiftError
from .training import augment


def unlabelled(access: Access) -> Images:
    """Pool the adaptation images of all targets, in the order of the targets' names.

    Raises:
        MedshiftError: There is no target.
    """
    need_targets(access)
    pixels = np.concatenate([access.targets[name].pixels for name in sorted(access.targets)])
    return Images(pixels, access.train.value_range)


def need_targets(access: Access) -> None:
    """Raise MedshiftError if there is no target."""
    if not access.targets:
        raise MedshiftError("there is no target to adapt to: leave out --targets, or choose another baseline")


def draw_like(images: Images, like: Tensor, draws: torch.Generator) -> Tensor:
    """Draw a batch of the size and device of `like`, with replacement, augmented like training images."""
    chosen = torch.randint(len(images), (len(like),), generator=draws)
    return augment(images.batch(chosen), draws).to(like.device)
