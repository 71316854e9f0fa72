"""How noisy planes are, and of what kind the noise is, from their flat parts."""

from __future__ import annotations

import torch
from torch import Tensor

from .planes import CLIPPED, halved, slopes, smooth

ONE_LEVEL = 1 / 255
ISOLATED = 0.12  # by so much a speck is outside all its neighbours


def noise(plane: Tensor) -> dict[str, Tensor]:
    """Returns measures of noise, (M,) each, of planes (M, H, W); NaN where nothing is flat and unclipped.

    - noise: standard deviation in percent of full scale, from the difference of two Laplacians, which is blind to
      steps and ramps (Immerkaer, Comput Vis Image Underst 64(2), 1996), over the flattest half of the pixels.
    - grain: the same at half the resolution, over it: 0.5 for white noise, more where neighbours are alike.
    - bright_noise: log2 of the noise in the brighter over that in the darker half of those pixels: above 0 for photon
      noise and speckle, 0 for noise that is added.
    """
    residual, flat, level = _flat(plane)
    sd = _sd(residual, flat)
    coarse_residual, coarse_flat, _ = _flat(halved(plane))
    middle = torch.where(flat, level, torch.nan).flatten(1).nanmedian(1).values[:, None, None]
    bright, dark = (_sd(residual, flat & side) + 0.1 * ONE_LEVEL for side in (level > middle, level <= middle))
    return {
        "noise": 100 * sd,
        "grain": _sd(coarse_residual, coarse_flat) / sd.clamp(min=0.1 * ONE_LEVEL),
        "bright_noise": (bright / dark).log2(),
    }


def specks(images: Tensor) -> Tensor:
    """Returns, (M,), the share in percent of pixels that stand out from all eight neighbours in their channel."""
    middle = images[..., 1:-1, 1:-1]
    most, least = torch.zeros_like(middle), torch.ones_like(middle)
    height, width = images.shape[-2:]
    for down in range(3):
        for right in range(3):
            if (down, right) != (1, 1):
                neighbour = images[..., down : height - 2 + down, right : width - 2 + right]
                most, least = torch.maximum(most, neighbour), torch.minimum(least, neighbour)
    return 100 * ((middle > most + ISOLATED) | (middle < least - ISOLATED)).float().flatten(1).mean(1)


def _flat(plane: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the residual scaled to the noise's deviation, where it is flat and unclipped, and the smoothed level."""
    corners = plane[:, :-2, :-2] + plane[:, :-2, 2:] + plane[:, 2:, :-2] + plane[:, 2:, 2:]
    sides = plane[:, :-2, 1:-1] + plane[:, 2:, 1:-1] + plane[:, 1:-1, :-2] + plane[:, 1:-1, 2:]
    residual = (corners - 2 * sides + 4 * plane[:, 1:-1, 1:-1]) / 6
    level = smooth(plane, 3)
    down, across = slopes(smooth(plane, 5))
    slope = down.square() + across.square()
    level = level[:, 1:-1, 1:-1]
    inner = plane[:, 1:-1, 1:-1]
    open_ = (level > CLIPPED) & (level < 1 - CLIPPED) & (inner > 0) & (inner < 1)
    typical = torch.where(open_, slope, torch.nan).flatten(1).nanmedian(1).values
    return residual, open_ & (slope <= typical[:, None, None]), level


def _sd(residual: Tensor, where: Tensor) -> Tensor:
    """Returns the deviation, (M,): a mean of absolute values, those far beyond the median being cut to four of it.

    A median alone would be as coarse as the grey levels.
    """
    size = torch.where(where, residual.abs(), torch.nan).flatten(1)
    bound = 4 * size.nanmedian(1).values[:, None] + ONE_LEVEL / 2
    return torch.minimum(size, bound).nanmean(1) * 1.2533  # sqrt(pi / 2): from absolute to standard deviation
