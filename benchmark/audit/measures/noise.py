"""Amount and kind of noise, measured in the flat parts of planes."""

from __future__ import annotations

import torch
from torch import Tensor

from .planes import CLIPPED, halved, slopes, smooth

ONE_LEVEL = 1 / 255
ISOLATED = 0.12  # a speck is at least this far outside the range of its neighbours


def noise(plane: Tensor) -> dict[str, Tensor]:
    """Measure the noise of planes (M, H, W), (M,) each; NaN where nothing is flat and unclipped.

    - noise: standard deviation in percent of full scale, from the difference of two Laplacians, which does not respond
      to steps and ramps (Immerkaer, Comput Vis Image Underst 64(2), 1996), over the flattest half of the pixels.
    - grain: noise at half the resolution divided by noise: 0.5 for white noise, more where neighbours correlate.
    - bright_noise: log2 of the noise in the brighter half of those pixels over that in the darker half: above 0 for
      photon noise and speckle, 0 for additive noise.
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
    """Return the percentage, (M,), of pixels that stand out from all eight neighbours in their channel."""
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
    """Return the residual, scaled to the noise, the mask of flat unclipped pixels, and the smoothed level."""
    corners = plane[:, :-2, :-2] + plane[:, :-2, 2:] + plane[:, 2:, :-2] + plane[:, 2:, 2:]
    sides = plane[:, :-2, 1:-1] + plane[:, 2:, 1:-1] + plane[:, 1:-1, :-2] + plane[:, 1:-1, 2:]
    residual = (corners - 2 * sides + 4 * plane[:, 1:-1, 1:-1]) / 6
    level = smooth(plane, 3)
    down, across = slopes(smooth(plane, 5))
    slope = down.square() + across.square()
    level = level[:, 1:-1, 1:-1]
    inner = plane[:, 1:-1, 1:-1]
    unclipped = (level > CLIPPED) & (level < 1 - CLIPPED) & (inner > 0) & (inner < 1)
    typical = torch.where(unclipped, slope, torch.nan).flatten(1).nanmedian(1).values
    return residual, unclipped & (slope <= typical[:, None, None]), level


def _sd(residual: Tensor, where: Tensor) -> Tensor:
    """Estimate the standard deviation, (M,), from the mean of absolute values capped at four times their median.

    A median alone would be as coarse as the grey levels.
    """
    size = torch.where(where, residual.abs(), torch.nan).flatten(1)
    bound = 4 * size.nanmedian(1).values[:, None] + ONE_LEVEL / 2
    return torch.minimum(size, bound).nanmean(1) * 1.2533  # sqrt(pi / 2) converts mean absolute to standard deviation
