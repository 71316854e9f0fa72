"""Headers of pictures: size, channels and depth, read without the pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...problems import UnsupportedFile
from ..reader import MOST_PIXELS, Depth
from ..sniff import PICTURES

if TYPE_CHECKING:
    from PIL.Image import Image

GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "F")  # modes of Pillow


@dataclass(frozen=True)
class PictureHeader:
    """Size, channels and depth of a picture.

    Args:
        width: In pixels.
        height: In pixels.
        channels: 1 or 3.
        dtype: Type that holds its values without loss.
    """

    width: int
    height: int
    channels: int
    dtype: Depth


def read_header(path: Path, depth: int | None = None) -> PictureHeader:
    """Return the header of a picture.

    Args:
        path: The file.
        depth: 8 if the picture will be read in 8 bits; None for its own depth.

    Raises:
        UnsupportedFile: It is too large, has several pages, or values that cannot be read in that depth.
        Exception: Whatever the decoder raises.
    """
    with open_picture(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UnsupportedFile(f"{image.width} x {image.height} pixels; the most is {MOST_PIXELS:,}")
        pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        if pages > 1:
            raise UnsupportedFile(f"{pages} pages; only files of one page are read")
        grey, dtype = is_grey(image), native_depth(image)
        if dtype == "float32" and depth == 8:  # no file says which of its values are black and white
            raise UnsupportedFile("values are float32, which 8 bits cannot hold: `medshift data add` keeps them")
        if dtype == "uint16" and depth is None and grey and not image.mode.startswith("I"):
            raise UnsupportedFile("16-bit grey with alpha, of which only 8 bits can be read: save it without alpha")
        return PictureHeader(image.width, image.height, 1 if grey else 3, dtype)


def open_picture(path: Path) -> Image:
    """Open a picture in one of the supported formats, without decoding its pixels."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked before pixels are read
        return Image.open(path, formats=PICTURES)


def is_grey(image: Image) -> bool:
    """Tell whether an opened picture has one channel, with or without alpha."""
    # Pillow opens 16-bit grey with alpha as colour
    return image.mode in GREY or any(str(tile[3]).startswith("LA;16") for tile in getattr(image, "tile", []))


def native_depth(image: Image) -> Depth:
    """Return the type that holds the values of an opened picture without loss.

    Raises:
        UnsupportedFile: Its values are signed or 32-bit integers.
    """
    if image.mode == "F":
        return "float32"
    if image.mode.startswith("I"):
        if not (image.mode.startswith("I;16") or image.format == "PNG"):
            raise UnsupportedFile(
                "values are signed or 32-bit integers; only unsigned 8 or 16 bits or float32 are read"
            )
        return "uint16"
    # colour of 16 bits, of which Pillow by itself keeps 8
    return "uint16" if any(";16" in str(tile[3]) for tile in getattr(image, "tile", [])) else "uint8"
