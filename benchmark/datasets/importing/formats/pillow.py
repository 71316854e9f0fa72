"""How Pillow's pictures become pixels: depths, grey or colour, a square of the asked side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .resize import box

if TYPE_CHECKING:
    from PIL.Image import Image


LARGEST_SIDE = 96  # default: trains in minutes without a GPU; --image-size asks for more
MOST_PIXELS = 100_000_000  # of one file: more is a decompression bomb or a slide, which needs tiling first
PHOTOMETRIC = 262  # tag of TIFF; 0 is WhiteIsZero
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "F")  # modes of Pillow


def is_grey(image: Image) -> bool:
    """Tells whether a picture that was opened has one channel, and perhaps alpha."""
    # of 16 bits with alpha, which Pillow opens as colour
    return image.mode in GREY or any(str(tile[3]).startswith("LA;16") for tile in getattr(image, "tile", []))


def sixteen_bits(image: Image) -> NDArray[np.uint16]:
    """Returns (H, W) of a grey picture of 16 bits, which Pillow would clip to 8, with white for much."""
    values: NDArray[np.uint16] = np.asarray(image).astype(np.uint16)
    # Pillow turns WhiteIsZero of 8 bits, and not of 16
    turned = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0
    return 65535 - values if turned else values


def square(image: Image, side: int, grey: bool) -> NDArray[np.uint8]:
    """Returns (C, side, side) of the central square."""
    from PIL.Image import Resampling, fromarray

    if image.mode.startswith("I"):
        image = fromarray((sixteen_bits(image) >> 8).astype(np.uint8))
    converted = image.convert("L" if grey else "RGB")
    part = box(*converted.size)
    if min(converted.size) != side:
        converted = converted.resize((side, side), Resampling.BICUBIC, box=part, reducing_gap=None)
    else:
        converted = converted.crop(part)
    values = np.asarray(converted, dtype=np.uint8)
    return values[None] if grey else np.moveaxis(values, -1, 0)
