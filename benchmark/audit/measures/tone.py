"""How grey levels and colours are distributed: brightness, contrast, tone curve, colour cast."""

from __future__ import annotations

from torch import Tensor

from .planes import ranked

FEW = 1 / 255


def tone(plane: Tensor) -> dict[str, Tensor]:
    """Returns measures of the grey levels, (M,) each, of planes (M, H, W).

    - level: log2 of the mean, so that a step of 1 is a photographic stop.
    - black, white: 2nd and 98th percentile in percent of full scale.
    - midtone: exponent of the power curve that takes the middle of the range to where the mean lies between black and
      white: 1 for a mean half way, above it for dark mid-tones.
    - clipped: share in percent of pixels that are quite black or quite white.
    """
    flat = plane.flatten(1)
    mean = flat.mean(1)
    black, white = (ranked(flat, share) for share in (0.02, 0.98))
    share = ((mean - black) / (white - black).clamp(min=FEW)).clamp(0.02, 0.98)
    return {
        "level": mean.clamp(min=FEW).log2(),
        "black": 100 * black,
        "white": 100 * white,
        "midtone": share.log2().neg(),
        "clipped": 100 * ((flat < 0.5 * FEW) | (flat > 1 - 0.5 * FEW)).float().mean(1),
    }


def colour(images: Tensor, plane: Tensor) -> dict[str, Tensor]:
    """Returns measures of colour, (M,) each, of planes (M, 3, H, W) with brightness (M, H, W).

    - chroma: mean distance of the channels from the brightness, in percent of full scale.
    - warmth: log2 of red over blue, of the means.
    - tint: log2 of green over the geometric mean of red and blue.
    """
    red, green, blue = (images[:, i].flatten(1).mean(1).clamp(min=FEW).log2() for i in range(3))
    return {
        "chroma": 100 * (images - plane[:, None]).abs().flatten(1).mean(1),
        "warmth": red - blue,
        "tint": green - (red + blue) / 2,
    }
