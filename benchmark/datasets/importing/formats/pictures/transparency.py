"""Transparent pixels, shown on one colour: what lies beneath them differs by the program that wrote the file."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...pixel_options import BLACK, Colour
from ..resize import luma

if TYPE_CHECKING:
    from PIL.Image import Image

WITH_ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")  # modes of Pillow
FEW_BITS = {"L;2": 2, "L;4": 4}  # by Pillow's names of packed grey pixels


def has_alpha(image: Image) -> bool:
    """Tell whether an opened picture may have transparent pixels."""
    return image.mode in WITH_ALPHA or "transparency" in image.info


def scale_key(image: Image) -> None:
    """Scale the transparent level of an opened grey PNG of 2 or 4 bits to 8, as Pillow does with its pixels only."""
    key, raw = image.info.get("transparency"), next((str(tile[3]) for tile in getattr(image, "tile", [])), "")
    if isinstance(key, int) and raw in FEW_BITS:
        most = 2 ** FEW_BITS[raw] - 1
        image.info["transparency"] = (key & most) * 255 // most


class Alpha(Enum):
    """What the alpha of a picture hides."""

    NOTHING = 0
    SOME = 1
    ALL = 2  # a channel that some program left at zero: it is not used, since nothing would be seen


def flatten(image: Image, background: Colour = BLACK) -> tuple[Image, Alpha]:
    """Return a loaded 8-bit picture on a background, and what of it is transparent."""
    if not has_alpha(image):
        return image, Alpha.NOTHING
    from PIL.Image import alpha_composite, new

    straight = image.convert("LA") if image.mode == "La" else image  # which Pillow converts to nothing else
    whole = straight.convert("RGBA")
    least, greatest = whole.getchannel("A").getextrema()
    if least == 255:
        return straight, Alpha.NOTHING
    if greatest == 0:
        return straight, Alpha.ALL
    return alpha_composite(new("RGBA", whole.size, (*background, 255)), whole).convert("RGB"), Alpha.SOME


def flatten_values(
    values: NDArray[np.uint16], alpha: NDArray[np.uint16], background: Colour, premultiplied: bool
) -> tuple[NDArray[np.uint16], Alpha]:
    """Return 16-bit values (C, H, W) on a background, and what of them is transparent.

    Args:
        values: One channel or three.
        alpha: (H, W), 65535 where a pixel is opaque.
        background: In 8 bits.
        premultiplied: Whether the values were multiplied by alpha before they were stored.
    """
    if alpha.min() == 65535:
        return values, Alpha.NOTHING
    if alpha.max() == 0:
        return values, Alpha.ALL
    behind: NDArray[Any] = np.asarray(background, dtype=np.float64)[:, None, None] * 257
    if len(values) == 1:
        behind = luma(behind)[None]
    share = alpha / 65535
    made = np.rint(values * (1.0 if premultiplied else share) + behind * (1 - share))
    flat: NDArray[np.uint16] = np.clip(made, 0, 65535).astype(np.uint16)
    return flat, Alpha.SOME
