"""PNG, JPEG, TIFF and BMP, 8 and 16 bit, grey and colour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..options import Options
from ..problems import Problems, UnsupportedFile
from . import pillow
from .picture_header import Depth, is_deep, open_picture, read_header
from .reader import read_headers
from .resize import luma, square

if TYPE_CHECKING:
    from PIL.Image import Image

NAMED = {1: "grey", 3: "colour"}


class PictureReader:
    """All pictures of a data set; heads are read at once, pixels one by one.

    Args:
        root: Paths are below it.
        rows: Of existing files in these formats.
        options: The user's.
        problems: Gets what is wrong with heads.
        progress: Called with (heads read, in all).
    """

    def __init__(
        self,
        root: Path,
        rows: pd.DataFrame,
        options: Options,
        problems: Problems,
        progress: Callable[[int, int], None],
    ) -> None:
        self._root, self.private = root, False
        self.rows, heads = read_headers(root, rows, read_header, problems, progress)
        self.notes: list[str] = []
        self.value_range: tuple[float, float] | None = None
        common = _common([of.channels for of in heads])
        self.channels = options.channels or common
        self.dtype: Depth = _common([of.dtype for of in heads])
        for name, line, of in zip(self.rows["file"], self.rows["line"], heads, strict=True):
            if of.channels != common and not options.channels:
                problems.add(
                    f"{name}: {NAMED[of.channels]}, most others are {NAMED[common]} (--channels 1 or 3 converts)", line
                )
            if of.dtype != self.dtype:
                problems.add(f"{name}: values are {of.dtype}, those of most others {self.dtype}", line)
        smallest = min(min(of.width, of.height) for of in heads)
        self.side = options.image_size or min(pillow.LARGEST_SIDE, smallest)
        if self.side < 8:
            problems.add(f"the smallest image has a side of {smallest} pixels; 8 are needed")
        self.notes.append(f"centre-cropped and resized to {self.side} x {self.side}")
        if not options.image_size and smallest > pillow.LARGEST_SIDE:
            self.notes[-1] += f" (the smallest is {smallest}: --image-size keeps more)"

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return (self.channels, self.side, self.side)

    def image(self, index: int) -> NDArray[Any]:
        """Returns the pixels (C, H, W) of a row.

        Raises:
            Unfit: The file cannot be taken.
            Exception: The decoder's own.
        """
        path = self._root / self.rows["file"].iloc[index]
        values = _values(path, self.channels, self.side)
        return values if values.shape == self.shape else square(values, self.side)


def _common(values: list[Any]) -> Any:  # noqa: ANN401
    """Returns the value that most files have; of two as common, the lesser."""
    return max(sorted(set(values)), key=values.count)


def _values(path: Path, channels: int, side: int) -> NDArray[Any]:
    """Returns (C, H, W) in the file's own depth; of 8 bits already cropped and resized."""
    with open_picture(path) as image:
        if image.mode == "F" or image.mode.startswith("I"):
            grey = (np.asarray(image, dtype=np.float32) if image.mode == "F" else pillow.sixteen_bits(image))[None]
            return np.repeat(grey, 3, axis=0) if channels == 3 else grey
        if is_deep(image):
            return _deep_values(path, str(image.format), channels)
        return pillow.square(image, side, grey=channels == 1)


def _read_as(path: Path, order: str) -> Image:
    image: Any = open_picture(path)
    with image:
        (codec, extents, offset, mode) = image.tile[0]
        image.tile = [type(image.tile[0])(codec, extents, offset, f"{mode.split(';')[0]};16{order}")]
        read: Image = image.convert("RGB")
        return read


def _deep_values(path: Path, form: str, channels: int) -> NDArray[np.uint16]:
    """Returns (C, H, W) of a colour picture of 16 bits, which Pillow does not read in full."""
    if form == "TIFF":
        import tifffile

        values = tifffile.imread(path)
        if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[2] not in (3, 4):
            values = np.moveaxis(values, 0, -1)  # planes one after the other
    else:
        # Pillow drops the second byte of each value; told that the bytes are the other way round, it drops the first
        high, low = (np.asarray(_read_as(path, order)) for order in ("B", "L"))
        values = high.astype(np.uint16) << 8 | low
    if values.ndim != 3 or values.shape[2] < 3 or values.dtype != np.uint16:
        raise UnsupportedFile(f"a {form} of {values.dtype} {values.shape}; 16-bit colour is read as RGB")
    colour: NDArray[np.uint16] = np.moveaxis(values[..., :3], -1, 0)
    if channels == 3:
        return colour
    return np.rint(luma(colour)).astype(np.uint16)[None]
