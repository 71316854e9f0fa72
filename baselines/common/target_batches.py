"""The targets' unlabelled images, as adaptation draws from them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...benchmark.contract.access import Access
from ...benchmark.datasets.images import Images
from ...shifts.errors import MedshiftError
from .training import augment


def unlabelled(access: Access) -> Images:
    """Returns the adaptation images of all targets together, in the order of their names.

    Raises:
        MedshiftError: There is no target.
    """
    need_targets(access)
    pixels = np.concatenate([access.targets[name].pixels for name in sorted(access.targets)])
    return Images(pixels, access.train.value_range)


def need_targets(access: Access) -> None:
    """Raise MedshiftError if there is no target."""
    if not access.targets:
        raise MedshiftError("there is no target to adapt to: leave --targets out, or take another baseline")


def draw_like(images: Images, like: Tensor, draws: torch.Generator) -> Tensor:
    """Returns as many images as there are in `like`, drawn with replacement, augmented as those are, beside them."""
    chosen = torch.randint(len(images), (len(like),), generator=draws)
    return augment(images.batch(chosen), draws).to(like.device)
