"""Random views of images, of which a network learns without labels that they show the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAST_AREA = 0.5  # fraction of the image in a view: a lesion should stay visible

LARGEST_ASPECT = 4 / 3


def random_view(images: Tensor, intensity: float, draws: torch.Generator, *, mirror: bool = True) -> Tensor:
    """Draw a view of each image (N, C, H, W): cropped and resized, maybe mirrored, slightly brighter or darker.

    Args:
        images: In [0, 1].
        intensity: The gain is 1 +- this, the offset 0 +- half of this, the same for all channels.
        draws: Source of random numbers.
        mirror: Whether views are mirrored at random.
    """
    count = len(images)
    area, aspect, flip, gain, offset = torch.rand(5, count, generator=draws)
    area = LEAST_AREA + (1 - LEAST_AREA) * area
    stretch = (LARGEST_ASPECT ** (2 * aspect - 1)).sqrt()
    sides = (area.sqrt()[:, None] * torch.stack([stretch, 1 / stretch], 1)).clamp(max=1)  # across, down
    centre = (1 - sides) * (2 * torch.rand(count, 2, generator=draws) - 1)
    across = torch.where((flip < 0.5) & mirror, -1.0, 1.0)
    move = torch.zeros(count, 2, 3)
    move[:, 0, 0], move[:, 1, 1], move[:, :, 2] = sides[:, 0] * across, sides[:, 1], centre
    grid = nn.functional.affine_grid(move.to(images.device), list(images.shape), align_corners=False)
    seen = nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    gain, offset = 1 + intensity * (2 * gain - 1), intensity * (offset - 0.5)
    gain, offset = (each.view(-1, 1, 1, 1).to(images.device) for each in (gain, offset))
    view: Tensor = (seen * gain + offset).clamp(0, 1)
    return view
