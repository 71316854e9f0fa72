"""Pictures of 16 bits or floats in full depth, of which Pillow by itself often keeps 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...pixel_options import Colour
from ...problems import UnsupportedFile
from .header import PictureHeader, is_grey, open_picture
from .orientation import orientation, turn_values
from .tags import ASSOCIATED, UNASSOCIATED, is_white_zero
from .transparency import Alpha, flatten_values

if TYPE_CHECKING:
    from PIL.Image import Image

Sixteen: TypeAlias = NDArray[np.uint16]


@dataclass(frozen=True)
class DeepPicture:
    """Values and what was done to them.

    Args:
        values: (C, H, W), uint16 or float32, upright; larger is brighter.
        turned: Whether they were turned.
        alpha: What of them is transparent.
    """

    values: NDArray[Any]
    turned: bool
    alpha: Alpha


def read_deep(path: Path, of: PictureHeader, background: Colour) -> DeepPicture:
    """Read a picture of 16 bits or floats.

    Raises:
        UnsupportedFile: The file cannot be read in that depth.
        Exception: Whatever the decoder raises.
    """
    with open_picture(path, of.page) as image:
        found = orientation(image)
        if image.mode == "F":
            floats = np.asarray(image, dtype=np.float32)
            return DeepPicture((1 - floats if is_white_zero(image) else floats)[None], found > 1, Alpha.NOTHING)
        values: Sixteen
        alpha: Sixteen | None
        premultiplied = False
        if image.mode.startswith("I"):
            values, alpha = sixteen_bits(image, of.bits)[None], _keyed(image)
            if image.format == "TIFF":  # which Pillow has turned
                return DeepPicture(values, found > 1, Alpha.NOTHING)
            found = orientation(image)
        elif image.format == "TIFF":
            values, alpha, premultiplied = _tiff_colour(path, of.page)
        else:
            if of.page:
                raise UnsupportedFile("frames of 16-bit colour or transparency in one PNG: save each as a file")
            values, alpha, found = _png_channels(path, is_grey(image))
    hidden = Alpha.NOTHING
    if alpha is not None:
        values, hidden = flatten_values(values, alpha, background, premultiplied)
    return DeepPicture(turn_values(values, found), found > 1, hidden)


def sixteen_bits(image: Image, bits: int = 16) -> Sixteen:
    """Return a 16-bit grey picture (H, W), in which larger values are brighter."""
    values: Sixteen = np.asarray(image).astype(np.uint16)
    most = np.uint16(2**bits - 1)
    if bits < 16:
        values = np.minimum(values, most)
    return most - values if is_white_zero(image) else values  # Pillow inverts 8 bits, but not 16


def _keyed(image: Image) -> Sixteen | None:
    """Return alpha (H, W) of a 16-bit grey PNG in which one grey level is transparent."""
    key = image.info.get("transparency")
    return None if key is None else np.where(np.asarray(image) == key, 0, 65535).astype(np.uint16)


def _tiff_colour(path: Path, page: int) -> tuple[Sixteen, Sixteen | None, bool]:
    """Return a 16-bit colour TIFF (C, H, W), its alpha, and whether its values were multiplied by alpha."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        found: Any = file.pages[page]
        try:
            values = found.asarray()
        except ValueError as error:  # it lacks a package for some compressions
            name = getattr(found.compression, "name", "another method")
            raise UnsupportedFile(f"16-bit colour compressed by {name}: save it without compression") from error
        kinds = [int(kind) for kind in found.extrasamples]
    if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[2] not in (3, 4):
        values = np.moveaxis(values, 0, -1)  # one plane per channel
    if values.ndim != 3 or values.shape[2] < 3 or values.dtype != np.uint16:
        raise UnsupportedFile(f"a TIFF of {values.dtype} {values.shape}; 16-bit colour is read as RGB")
    kind = kinds[0] if kinds and values.shape[2] > 3 else 0
    alpha = values[..., 3] if kind in (ASSOCIATED, UNASSOCIATED) else None
    return np.moveaxis(values[..., :3], -1, 0), alpha, kind == ASSOCIATED


def _png_channels(path: Path, grey: bool) -> tuple[Sixteen, Sixteen | None, int]:
    """Return a 16-bit PNG that is colour or has alpha (C, H, W), its alpha, and its orientation."""
    if grey:  # with alpha: its four bytes per pixel are read as if they were four channels
        image, (four,) = _decoded(path, ("RGBA",))
        value, alpha = _joined(four[..., 0], four[..., 1]), _joined(four[..., 2], four[..., 3])
        return value[None], alpha, orientation(image)
    with open_picture(path) as opened:
        mode, key = opened.mode, opened.info.get("transparency")
    # Pillow drops the second byte of each value; with the byte order swapped, it drops the first
    image, (high, low) = _decoded(path, (f"{mode};16B", f"{mode};16L"))
    values: Sixteen = np.moveaxis(_joined(high, low), -1, 0)
    if key is None:
        return values[:3], values[3] if len(values) > 3 else None, orientation(image)
    keyed = (values == np.array(key)[:, None, None]).all(axis=0)
    return values, np.where(keyed, 0, 65535).astype(np.uint16), orientation(image)


def _joined(high: Sixteen, low: Sixteen) -> Sixteen:
    made: Sixteen = (high << 8 | low).astype(np.uint16)
    return made


def _decoded(path: Path, layouts: tuple[str, ...]) -> tuple[Image, list[Sixteen]]:
    """Decode a PNG once for each layout that its bytes are taken for; return the last, opened picture, too."""
    found = []
    for layout in layouts:
        image: Any = open_picture(path)
        with image:
            (codec, extents, offset, _) = image.tile[0]
            image.tile = [type(image.tile[0])(codec, extents, offset, layout)]
            found.append(np.asarray(image).astype(np.uint16))
    return image, found
