"""Pixels of pictures, in 8 bits or in the depth of the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...problems import UnsupportedFile
from ..reader import Depth
from ..resize import luma, square, square_image
from .header import native_depth, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

PHOTOMETRIC = 262  # TIFF tag; 0 is WhiteIsZero


def read_square(path: Path, channels: int, side: int, depth: Depth) -> NDArray[Any]:
    """Return the central square of a picture, (channels, side, side).

    Args:
        path: The file.
        channels: 1 or 3; others are converted.
        side: In pixels.
        depth: uint8 keeps the upper 8 bits of 16; any other type keeps what the file has.

    Raises:
        UnsupportedFile: The file cannot be read in that depth.
        Exception: Whatever the decoder raises.
    """
    with open_picture(path) as image:
        if depth == "uint8" or native_depth(image) == "uint8":
            return eight_bits(image, side, grey=channels == 1)
        if image.mode == "F" or image.mode.startswith("I"):
            grey = (np.asarray(image, dtype=np.float32) if image.mode == "F" else _sixteen_bits(image))[None]
            return square(np.repeat(grey, 3, axis=0) if channels == 3 else grey, side)
        return square(_sixteen_bit_colour(path, str(image.format), channels), side)


def eight_bits(image: Image, side: int, grey: bool) -> NDArray[np.uint8]:
    """Return the central square of an opened picture in 8 bits, (1 or 3, side, side)."""
    from PIL.Image import fromarray

    if image.mode.startswith("I"):  # Pillow would clip 16 bits to 8
        image = fromarray((_sixteen_bits(image) >> 8).astype(np.uint8))
    mode = "L" if grey else "RGB"
    image.load()  # raises what is wrong with the file
    values = np.asarray(square_image(image if image.mode == mode else image.convert(mode), side), dtype=np.uint8)
    return values[None] if grey else np.moveaxis(values, -1, 0)


def _sixteen_bits(image: Image) -> NDArray[np.uint16]:
    """Return a 16-bit grey picture (H, W), in which larger values are brighter."""
    values: NDArray[np.uint16] = np.asarray(image).astype(np.uint16)
    # Pillow inverts WhiteIsZero of 8 bits, but not of 16
    inverted = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0
    return 65535 - values if inverted else values


def _sixteen_bit_colour(path: Path, form: str, channels: int) -> NDArray[np.uint16]:
    """Return a 16-bit colour picture (C, H, W), which Pillow cannot read in full."""
    if form == "TIFF":
        import tifffile

        values = tifffile.imread(path)
        if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[2] not in (3, 4):
            values = np.moveaxis(values, 0, -1)  # one plane per channel
    else:
        # Pillow drops the second byte of each value; with the byte order swapped, it drops the first
        high, low = (np.asarray(_read_upper_bytes(path, order)) for order in ("B", "L"))
        values = high.astype(np.uint16) << 8 | low
    if values.ndim != 3 or values.shape[2] < 3 or values.dtype != np.uint16:
        raise UnsupportedFile(f"a {form} of {values.dtype} {values.shape}; 16-bit colour is read as RGB")
    colour: NDArray[np.uint16] = np.moveaxis(values[..., :3], -1, 0)
    if channels == 3:
        return colour
    return np.rint(luma(colour)).astype(np.uint16)[None]


def _read_upper_bytes(path: Path, order: str) -> Image:
    """Decode a 16-bit colour picture in 8 bits, as if its values were big-endian (B) or little-endian (L)."""
    image: Any = open_picture(path)
    with image:
        (codec, extents, offset, mode) = image.tile[0]
        image.tile = [type(image.tile[0])(codec, extents, offset, f"{mode.split(';')[0]};16{order}")]
        read: Image = image.convert("RGB")
        return read
