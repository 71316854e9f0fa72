"""Headers of pictures: size, channels and depth, read without the pixels."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .....files.wording import plural
from ...problems import UnsupportedFile
from ..frames import ONE_OF_EACH, spread
from ..reader import MOST_PIXELS, Depth
from ..sniff import PICTURES
from .orientation import orientation, swaps_sides
from .tags import BITS, LENGTH, MOST, SIGNED, WIDTH, page_numbers, planes_of_page, tag, tags, unread_channels

if TYPE_CHECKING:
    from PIL.Image import Image

GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "F")  # modes of Pillow
BIG_ENDIAN_BIGTIFF = b"MM\0+"
DEEP_COLOUR = ("RGB", "RGBA")


@dataclass(frozen=True)
class PictureHeader:
    """Size, channels and depth of a picture.

    Args:
        width: In pixels, of the upright picture.
        height: In pixels, of the upright picture.
        channels: 1 or 3.
        dtype: Type that holds its values without loss.
        bits: Of 16, how many the file says are used.
        page: Index of the page in its file.
        pages: Number of pages of the file.
    """

    width: int
    height: int
    channels: int
    dtype: Depth
    bits: int = 16
    page: int = 0
    pages: int = 1


def read_header(path: Path, depth: int | None = None, slices: int = 0, scaled: bool = False) -> list[PictureHeader]:
    """Return the header of each page that is taken of a picture.

    Args:
        path: The file.
        depth: 8 if the picture will be read in 8 bits; None for its own depth.
        slices: Number of pages to take; with 0, files of several pages are refused.
        scaled: Whether the user gives the values that are black and white.

    Raises:
        UnsupportedFile: It is too large, has several pages, or values that cannot be read in that depth.
        Exception: Whatever the decoder raises.
    """
    with open_picture(path) as image:
        pages = page_numbers(path, image)
        if len(pages) > 1 and not slices:
            raise UnsupportedFile(f"{len(pages)} pages; only files of one page are read (--slices N takes N of them)")
        if 1 < len(pages) < slices:
            raise UnsupportedFile(f"has {len(pages)} pages, fewer than --slices {slices}{ONE_OF_EACH}")
        if len(pages) == 1 and (planes := planes_of_page(path, image)) > 1:
            raise UnsupportedFile(
                f"a stack of {planes:,} planes written as one page: save it with a page for each plane"
            )
        found = []
        for index in spread(len(pages), slices) if len(pages) > 1 else (0,):
            if pages[index]:
                image.seek(pages[index])
            found.append(_page_header(image, depth, scaled, pages[index], len(pages)))
        return found


def _page_header(image: Image, depth: int | None, scaled: bool, page: int, pages: int) -> PictureHeader:
    width, height = image.size
    if tags(image):  # Pillow may have swapped them already, or not: it depends on its version
        width, height = int(tag(image, WIDTH, width)), int(tag(image, LENGTH, height))
    if width * height > MOST_PIXELS:
        raise UnsupportedFile(f"{width} x {height} pixels; the most is {MOST_PIXELS:,}")
    if further := unread_channels(image):
        raise UnsupportedFile(
            f"has {plural(further, 'channel')} besides grey, colour and transparency: save one channel per file, or RGB"
        )
    grey, dtype = is_grey(image), native_depth(image)
    if dtype == "float32" and depth == 8 and not scaled:  # no file says which of its values are black and white
        raise UnsupportedFile(
            "values are float32, which 8 bits cannot hold: scale them with --value-range LOW,HIGH, or keep them with "
            "`medshift data add`"
        )
    if dtype == "uint16" and not grey and image.mode not in DEEP_COLOUR and (depth is None or scaled):
        raise UnsupportedFile(f"16-bit colour in {image.mode}: save it as RGB")
    if swaps_sides(orientation(image)):
        width, height = height, width
    return PictureHeader(width, height, 1 if grey else 3, dtype, _used_bits(image, dtype), page, pages)


def open_picture(path: Path, page: int = 0) -> Image:
    """Open a page of a picture in one of the supported formats, without decoding its pixels."""
    image = _open(path, page)
    if image.format == "TIFF" and swaps_sides(orientation(image)):
        # Pillow maps uncompressed pixels of a named file into memory with the sides already swapped: scrambled
        image.close()
        return _open(io.BytesIO(path.read_bytes()), page)
    return image


def _open(source: Path | io.BytesIO, page: int) -> Image:
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about bombs, whose size is checked before pixels are read, and damaged tags
        try:
            image = Image.open(source, formats=PICTURES)
        except UnidentifiedImageError:
            if _start(source) == BIG_ENDIAN_BIGTIFF:  # Pillow reads 2 bytes of each 8
                raise UnsupportedFile("a big-endian BigTIFF: save it as TIFF or PNG") from None
            raise UnsupportedFile(
                "of a kind that is not read: damaged, or values that are not 8 or 16 bits or float32 in grey or RGB"
            ) from None
    if page:
        image.seek(page)
    return image


def _start(source: Path | io.BytesIO) -> bytes:
    if isinstance(source, io.BytesIO):
        return source.getvalue()[:4]
    with source.open("rb") as file:
        return file.read(4)


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
    if (image.mode.startswith("I") and not (image.mode.startswith("I;16") or image.format == "PNG")) or (
        tag(image, SIGNED, 1) == 2
    ):
        raise UnsupportedFile(
            "values are signed or 32-bit integers; only unsigned 8 or 16 bits or float32 are read: save them as those"
        )
    if image.mode.startswith("I") or tag(image, BITS, 8) == 16:
        return "uint16"
    # colour of 16 bits, of which Pillow by itself keeps 8
    return "uint16" if any(";16" in str(tile[3]) for tile in getattr(image, "tile", [])) else "uint8"


def _used_bits(image: Image, dtype: Depth) -> int:
    """Return how many of 16 bits a TIFF says it uses.

    A PNG has a chunk on its bits (sBIT), too, but its values are scaled to all 16 of them.
    """
    if dtype != "uint16" or not tags(image):
        return 16
    bits = int(tag(image, BITS, 16))
    most = int(tag(image, MOST, 0))
    if bits == 16 and most > 255 and (most + 1).bit_count() == 1:  # only a power of two is a depth, not a measurement
        bits = most.bit_length()
    return bits
