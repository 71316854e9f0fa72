"""Distribution of grey levels and colours: brightness, contrast, tone curve, colour cast."""

from __future__ import annotations

from torch import Tensor

from .planes import ranked

ONE_LEVEL = 1 / 255


def tone(plane: Tensor) -> dict[str, Tensor]:
    """Measure the grey levels of planes (M, H, W), (M,) each.

    - level: log2 of the mean, so that a step of 1 is a photographic stop.
    - black, white: 2nd and 98th percentile in percent of full scale.
    - midtone: exponent of the power curve that maps the middle of the range to the mean, both relative to black and
      white: 1 for a mean half way between them, above 1 for dark mid-tones.
    - clipped: percentage of pixels that are fully black or fully white.
    """
    flat = plane.flatten(1)
    mean = flat.mean(1)
    black, white = (ranked(flat, share) for share in (0.02, 0.98))
    share = ((mean - black) / (white - black).clamp(min=ONE_LEVEL)).clamp(0.02, 0.98)
    return {
        "level": mean.clamp(min=ONE_LEVEL).log2(),
        "black": 100 * black,
        "white": 100 * white,
        "midtone": share.log2().neg(),
        "clipped": 100 * ((flat < 0.5 * ONE_LEVEL) | (flat > 1 - 0.5 * ONE_LEVEL)).float().mean(1),
    }


def colour(images: Tensor, plane: Tensor) -> dict[str, Tensor]:
    """Measure the colour of planes (M, 3, H, W) with brightness (M, H, W), (M,) each.

    - chroma: mean distance of the channels from the brightness, in percent of full scale.
    - warmth: log2 of mean red over mean blue.
    - tint: log2 of green over the geometric mean of red and blue.
    """
    red, green, blue = (images[:, i].flatten(1).mean(1).clamp(min=ONE_LEVEL).log2() for i in range(3))
    return {
        "chroma": 100 * (images - plane[:, None]).abs().flatten(1).mean(1),
        "warmth": red - blue,
        "tint": green - (red + blue) / 2,
    }
