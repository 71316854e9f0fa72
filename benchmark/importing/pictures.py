"""PNG, JPEG, TIFF and BMP, 8 and 16 bit, grey and colour."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..manifest import LARGEST_SIDE, MOST_PIXELS
from .formats import PICTURES
from .options import Options
from .problems import Problems, Unfit, undecodable
from .resize import box, square

if TYPE_CHECKING:
    from PIL.Image import Image

Depth = Literal["uint8", "uint16", "float32"]
GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "F")
NAMED = {1: "grey", 3: "colour"}


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


class Pictures:
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
        heads: list[Head] = []
        kept = []
        for index, (name, line) in enumerate(zip(rows["file"], rows["line"], strict=True)):
            try:
                heads.append(head(root / name))
                kept.append(index)
            except Exception as error:  # a decoder of hostile bytes may raise anything
                problems.add(f"{name}: {undecodable(root / name, error)}", line)
            progress(index + 1, len(rows))
        self.rows = rows.iloc[kept].reset_index(drop=True)
        self.notes: list[str] = []
        self.value_range: tuple[float, float] | None = None
        if not heads:
            problems.stop()
        common = _common(heads, [head.channels for head in heads])
        self.channels = options.channels or common
        self.dtype: Depth = _common(heads, [head.dtype for head in heads])
        for name, line, of in zip(self.rows["file"], self.rows["line"], heads, strict=True):
            if of.channels != common and not options.channels:
                problems.add(
                    f"{name}: {NAMED[of.channels]}, most others are {NAMED[common]} (--channels 1 or 3 converts)", line
                )
            if of.dtype != self.dtype:
                problems.add(f"{name}: values are {of.dtype}, those of most others {self.dtype}", line)
        smallest = min(min(head.width, head.height) for head in heads)
        self.side = options.image_size or min(LARGEST_SIDE, smallest)
        if self.side < 8:
            problems.add(f"the smallest image has a side of {smallest} pixels; 8 are needed")
        self.notes.append(f"centre-cropped and resized to {self.side} x {self.side}")
        if not options.image_size and smallest > LARGEST_SIDE:
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


def _common(heads: list[Head], values: list[Any]) -> Any:  # noqa: ANN401
    """Returns the value that most files have; of two as common, the lesser."""
    return max(sorted(set(values)), key=values.count)


def head(path: Path) -> Head:
    """Returns what a file says of its picture.

    Raises:
        Unfit: It is too large, has several pages, or values that are not read.
        Exception: The decoder's own.
    """
    with _open(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Unfit(f"{image.width} x {image.height} pixels; the most is {MOST_PIXELS:,}")
        pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        if pages > 1:
            raise Unfit(f"{pages} pages; one a file is read")
        if image.mode == "F":
            dtype: Depth = "float32"
        elif image.mode.startswith("I"):
            if not (image.mode.startswith("I;16") or image.format == "PNG"):
                raise Unfit("32-bit integers; 8 or 16 bits or float32 are read")
            dtype = "uint16"
        else:
            dtype = "uint16" if _deep(image) else "uint8"
        grey = image.mode in GREY or image.mode.startswith("I")
        return Head(image.width, image.height, 1 if grey else 3, dtype)


def _open(path: Path) -> Image:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked before pixels are read
        return Image.open(path, formats=PICTURES)


def _deep(image: Image) -> bool:
    """Tells whether colours have 16 bits, of which Pillow would keep 8."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", []))


def _values(path: Path, channels: int, side: int) -> NDArray[Any]:
    """Returns (C, H, W) in the file's own depth; of 8 bits already cropped and resized."""
    from PIL.Image import Resampling

    with _open(path) as image:
        if image.mode == "F" or image.mode.startswith("I"):
            read = np.asarray(image)
            grey = read.astype(np.float32 if image.mode == "F" else np.uint16, copy=False)[None]
            return np.repeat(grey, 3, axis=0) if channels == 3 else grey
        if _deep(image):
            return _deep_values(path, str(image.format), channels)
        converted = image.convert("L" if channels == 1 else "RGB")
        part = box(converted.width, converted.height)
        if part[2] - part[0] == side:
            converted = converted.crop(part)
        else:
            converted = converted.resize((side, side), Resampling.BICUBIC, box=part, reducing_gap=None)
        values = np.asarray(converted, dtype=np.uint8)
        return values[None] if channels == 1 else np.moveaxis(values, -1, 0)


def _read_as(path: Path, order: str) -> Image:
    image: Any = _open(path)
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
        raise Unfit(f"a {form} of {values.dtype} {values.shape}; 16-bit colour is read as RGB")
    colour: NDArray[np.uint16] = np.moveaxis(values[..., :3], -1, 0)
    if channels == 3:
        return colour
    weights = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow
    return np.rint(np.tensordot(weights, colour, 1)).astype(np.uint16)[None]
