"""Pixels of pictures, in 8 bits or in the depth of the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...not_finite import replace_not_finite
from ...pixel_options import BLACK, Colour
from ..reader import Depth
from ..resize import Fit, luma, square, square_image
from ..value_range import ValueRanges
from .deep import read_deep, sixteen_bits
from .header import DEEP_COLOUR, PictureHeader, open_picture
from .orientation import UPRIGHT, orientation, turn_image
from .tags import PLANAR, mend_palette, tag
from .transparency import Alpha, flatten, scale_key

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass
class PictureDecoder:
    """Reads pictures as squares of one size, type and number of channels, and counts what it did to them.

    Args:
        channels: 1 or 3; others are converted.
        side: In pixels.
        depth: uint8 keeps the upper 8 bits of 16; any other type keeps what the file has.
        fit: See `resize.square_image`.
        background: What shows through transparent pixels.
        ranges: Values that are black and white.
        nan_as: What NaN becomes, as in `Options`.
        scaled: Whether each picture is scaled from its own bits to 16.
        turned: Number of pictures turned upright.
        transparent: Number of pictures that show the background.
        unused: Number of pictures whose alpha would hide all of them.
    """

    channels: int
    side: int
    depth: Depth
    fit: Fit
    background: Colour
    ranges: ValueRanges
    nan_as: str = ""
    scaled: bool = False
    turned: int = 0
    transparent: int = 0
    unused: int = 0

    def read(self, path: Path, of: PictureHeader, row: int) -> NDArray[Any]:
        """Return a picture, (channels, side, side).

        Raises:
            UnsupportedFile: The file cannot be read in that depth.
            Exception: Whatever the decoder raises.
        """
        if of.dtype == "uint8":
            return self._read_eight(path, of, row)
        if self.depth == "uint8" and not self.ranges and of.channels == 3:
            with open_picture(path, of.page) as image:
                plain = tag(image, PLANAR, 1) == 1 and "transparency" not in image.info
                by_pillow = plain or image.mode not in DEEP_COLOUR
            if by_pillow:
                return self._read_eight(path, of, row)
        return self._read_deep(path, of, row)

    def _read_eight(self, path: Path, of: PictureHeader, row: int) -> NDArray[Any]:
        with open_picture(path, of.page) as opened:
            image, turned, alpha = _load_eight(opened, self.background)
        if turned or alpha is not Alpha.NOTHING:
            self._count(turned, alpha)
        image = _convert(image, grey=self.channels == 1)
        if not self.ranges:
            return _square_array(image, self.side, self.fit)
        values = np.asarray(image)
        values = values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
        return square(self._ranged(values, row, 255), self.side, self.fit, self.ranges.black)

    def _read_deep(self, path: Path, of: PictureHeader, row: int) -> NDArray[Any]:
        found = read_deep(path, of, self.background)
        self._count(found.turned, found.alpha)
        values, _ = replace_not_finite(found.values, self.nan_as)
        if len(values) > self.channels:
            values = np.rint(luma(values)).astype(np.uint16)[None]
        black: float | None = None
        if self.ranges:
            values = self._ranged(values, row, 1 if values.dtype == np.float32 else 2**of.bits - 1)
            black = self.ranges.black
        elif self.depth == "uint8":
            values = (values >> (of.bits - 8)).astype(np.uint8)
        elif self.scaled and of.bits < 16:
            values = np.rint(values * (65535 / (2**of.bits - 1))).astype(np.uint16)
        made = square(values, self.side, self.fit, black)
        return np.repeat(made, 3, axis=0) if self.channels > len(made) else made

    def _count(self, turned: bool, alpha: Alpha) -> None:
        self.turned += turned
        self.transparent += alpha is Alpha.SOME
        self.unused += alpha is Alpha.ALL

    def _ranged(self, values: NDArray[Any], row: int, most: float) -> NDArray[Any]:
        return self.ranges.store(self.ranges.scale(values, row, (0, most)))

    def notes(self) -> list[str]:
        """Return what was done to how many pictures."""
        made = self.ranges.notes()
        if self.turned:
            made.append(f"{self.turned:,} images were turned as their EXIF says")
        if self.transparent:
            name = "black" if self.background == BLACK else "rgb({}, {}, {})".format(*self.background)
            made.append(f"transparent pixels of {self.transparent:,} images are shown on {name} (--background)")
        if self.unused:
            made.append(f"alpha of {self.unused:,} images is zero everywhere: ignored")
        return made


def eight_bits(image: Image, side: int, grey: bool) -> NDArray[np.uint8]:
    """Return the central square of an opened picture in 8 bits, (1 or 3, side, side); upright and opaque."""
    return _square_array(_convert(_load_eight(image, BLACK)[0], grey), side, "crop")


def _load_eight(image: Image, background: Colour) -> tuple[Image, bool, Alpha]:
    """Load a picture in 8 bits, upright and opaque; return it, whether it was turned, and what was transparent."""
    is_tiff = image.format == "TIFF"
    found = orientation(image) if is_tiff else UPRIGHT  # a PNG may say it behind its pixels
    scale_key(image)
    image.load()  # raises what is wrong with the file
    if image.mode.startswith("I"):  # Pillow would clip 16 bits to 8
        from PIL.Image import fromarray

        made = fromarray((sixteen_bits(image) >> 8).astype(np.uint8))
        made.info = {name: image.info[name] for name in image.info if name != "transparency"}
        image = made
    elif is_tiff:
        mend_palette(image)
    if not is_tiff:  # Pillow has turned a TIFF itself
        found = orientation(image)
        image = turn_image(image, found)
    image, alpha = flatten(image, background)
    return image, found > 1, alpha


def _convert(image: Image, grey: bool) -> Image:
    mode = "L" if grey else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _square_array(image: Image, side: int, fit: Fit) -> NDArray[np.uint8]:
    values = np.asarray(square_image(image, side, fit), dtype=np.uint8)
    return values[None] if image.mode == "L" else np.moveaxis(values, -1, 0)
