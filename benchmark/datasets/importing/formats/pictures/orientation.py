"""The orientation that EXIF or a TIFF tag gives: pixels are turned so that the upper edge is up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 274  # tag of EXIF and of TIFF
UPRIGHT = 1
RAW_EXIF = "Raw profile type exif"  # which ImageMagick writes into PNG


def orientation(image: Image) -> int:
    """Return the orientation of an opened picture, 1 to 8; 1 if it has none, or one that cannot be read.

    EXIF is parsed only where there is some: that takes longer than the rest of the header. A PNG may hold it behind its
    pixels, so ask again once they are loaded. Pillow forgets that of a TIFF when it loads and turns the pixels.
    """
    if image.format == "TIFF":
        found: Any = getattr(image, "tag_v2", {}).get(ORIENTATION, UPRIGHT)
    elif "exif" in (info := image.info) or RAW_EXIF in info:
        try:
            found = image.getexif().get(ORIENTATION, UPRIGHT)
        except Exception:  # damaged EXIF of an intact picture may raise anything
            return UPRIGHT
    else:
        return UPRIGHT
    return found if isinstance(found, int) and 1 < found <= 8 else UPRIGHT


def swaps_sides(found: int) -> bool:
    """Tell whether an orientation turns a wide picture into a tall one."""
    return found >= 5


def turn_image(image: Image, found: int) -> Image:
    """Turn a Pillow image upright."""
    if found == UPRIGHT:
        return image
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turned = image.transpose(turns[found])
    turned.info = image.info  # which says what is transparent
    return turned


def turn_values(values: NDArray[Any], found: int) -> NDArray[Any]:
    """Turn an array (..., H, W) upright."""
    if found in (2, 7):
        values = values[..., ::-1]
    elif found == 3:
        values = values[..., ::-1, ::-1]
    elif found in (4, 6):
        values = values[..., ::-1, :]
    elif found == 8:
        values = values[..., ::-1]
    if found == 7:
        values = values[..., ::-1, :]
    return np.swapaxes(values, -1, -2) if swaps_sides(found) else values
