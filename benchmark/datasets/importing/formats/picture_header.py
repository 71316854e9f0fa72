"""What a picture file says of itself, read without its pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..problems import UnsupportedFile
from .pillow import MOST_PIXELS, is_grey
from .sniff import PICTURES

if TYPE_CHECKING:
    from PIL.Image import Image

Depth = Literal["uint8", "uint16", "float32"]


@dataclass(frozen=True)
class Head:
    """What a file says of its picture.

    Args:
        width: In pixels.
        height: In pixels.
        channels: 1 or 3.
        dtype: That holds its values without loss.
    """

    width: int
    height: int
    channels: int
    dtype: Depth


def read_header(path: Path) -> Head:
    """Returns what a file says of its picture.

    Raises:
        Unfit: It is too large, has several pages, or values that are not read.
        Exception: The decoder's own.
    """
    with open_picture(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UnsupportedFile(f"{image.width} x {image.height} pixels; the most is {MOST_PIXELS:,}")
        pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        if pages > 1:
            raise UnsupportedFile(f"{pages} pages; one a file is read")
        if image.mode == "F":
            dtype: Depth = "float32"
        elif image.mode.startswith("I"):
            if not (image.mode.startswith("I;16") or image.format == "PNG"):
                raise UnsupportedFile("signed or 32-bit integers; 8 or 16 bits without a sign or float32 are read")
            dtype = "uint16"
        else:
            dtype = "uint16" if is_deep(image) else "uint8"
            if is_deep(image) and is_grey(image):
                raise UnsupportedFile("16-bit grey with alpha, of which 8 bits can be read: save it without alpha")
        return Head(image.width, image.height, 1 if is_grey(image) else 3, dtype)


def open_picture(path: Path) -> Image:
    """Returns a picture in one of the formats that are read; its pixels are not decoded yet."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked before pixels are read
        return Image.open(path, formats=PICTURES)


def is_deep(image: Image) -> bool:
    """Tells whether colours have 16 bits, of which Pillow would keep 8."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", []))
