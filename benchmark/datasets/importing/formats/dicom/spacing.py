"""The shape of a pixel: where it is not square, the stored image is distorted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .frames import tags_of_frame

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MEASURES = "PixelMeasuresSequence"
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")  # of rows, then of columns
SQUARE = 1.01  # ratios below it are rounding
MOST = 10  # no image is so oblong: the tag is wrong


def aspect(read: Dataset) -> float:
    """Return the height of a pixel divided by its width; 1 where it is square or not known."""
    for item, name in ((tags_of_frame(read, 0, MEASURES), SPACINGS[0]), *((read, name) for name in SPACINGS)):
        try:
            high, wide = (float(value) for value in item.get(name) or ())
        except (TypeError, ValueError):
            continue
        if high > 0 and wide > 0 and math.isfinite(high + wide):
            found = high / wide
            return found if SQUARE < max(found, 1 / found) <= MOST else 1.0
    return 1.0


def squared(width: int, height: int, ratio: float) -> tuple[int, int]:
    """Return the width and height of an image once its pixels are square, as small as the smaller edge of one.

    Args:
        width: As stored.
        height: As stored.
        ratio: Height of a pixel divided by its width.
    """
    return (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
