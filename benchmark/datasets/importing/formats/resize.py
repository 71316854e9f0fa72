"""Squares by cropping, padding or stretching, antialiased in the precision of each type; colour to grey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Fit: TypeAlias = Literal["crop", "pad", "stretch"]


def box(width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the central square."""
    edge = min(width, height)
    left, top = (width - edge) // 2, (height - edge) // 2
    return left, top, left + edge, top + edge


def square_image(image: Image, side: int, fit: Fit = "crop", fill: float = 0) -> Image:
    """Return a Pillow image of any mode as a square, resized with an antialiasing filter.

    Args:
        image: The image.
        side: Of the square, in pixels.
        fit: `crop` takes the central square, `pad` the whole image with bars, `stretch` distorts it.
        fill: Value of the bars.
    """
    from PIL.Image import Resampling, new

    if image.size == (side, side):
        return image
    if fit == "stretch":
        return image.resize((side, side), Resampling.BICUBIC, reducing_gap=None)
    if fit == "pad" and image.width != image.height:
        longest = max(image.size)
        width, height = (max(1, round(edge * side / longest)) for edge in image.size)
        small = image if longest == side else image.resize((width, height), Resampling.BICUBIC, reducing_gap=None)
        whole = new(image.mode, (side, side), fill if image.mode == "F" else int(fill))
        whole.paste(small, ((side - width) // 2, (side - height) // 2))
        return whole
    part = box(*image.size)
    if min(image.size) == side:
        return image.crop(part)
    return image.resize((side, side), Resampling.BICUBIC, box=part, reducing_gap=None)


def square(values: NDArray[Any], side: int, fit: Fit = "crop", black: float | None = None) -> NDArray[Any]:
    """Return (C, H, W) as a square (C, side, side), resized with an antialiasing filter.

    8 bits are resized in integers, as Pillow does; 16 bits and floats in float32, which holds 16 bits exactly.

    Args:
        values: The image.
        side: Of the square, in pixels.
        fit: See `square_image`.
        black: Value of bars; by default 0, for floats the least value of the image.
    """
    from PIL.Image import fromarray

    left, top, right, bottom = box(values.shape[2], values.shape[1])
    if right - left == side and (fit == "crop" or values.shape[1] == values.shape[2]):
        return np.ascontiguousarray(values[:, top:bottom, left:right])
    depth = np.uint8 if values.dtype == np.uint8 else np.float32
    low, high = values.min(), values.max()
    fill = float(black if black is not None else low if values.dtype.kind == "f" else 0)
    resized = np.stack(
        [np.asarray(square_image(fromarray(c.astype(depth, copy=False)), side, fit, fill)) for c in values]
    )
    if values.dtype != np.uint8:  # bicubic overshoots; Pillow clips 8 bits itself
        resized = np.clip(resized, min(low, fill) if fit == "pad" else low, high)
    return (np.rint(resized) if values.dtype == np.uint16 else resized).astype(values.dtype, copy=False)


def resized(values: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Return (C, H, W) in another width and height, with the same filter as `square`."""
    from PIL.Image import Resampling, fromarray

    if values.shape[1:] == (height, width):
        return values
    depth = np.uint8 if values.dtype == np.uint8 else np.float32
    each = (fromarray(channel.astype(depth, copy=False)) for channel in values)
    made = np.stack([np.asarray(image.resize((width, height), Resampling.BICUBIC)) for image in each])
    if values.dtype != np.uint8:
        made = np.clip(made, values.min(), values.max())
    return (np.rint(made) if values.dtype == np.uint16 else made).astype(values.dtype, copy=False)


def luma(colour: NDArray[Any]) -> NDArray[np.float64]:
    """Convert colour (3, H, W) to grey (H, W) by ITU-R BT.601, as Pillow does for 8 bits.

    The weights are in thousandths, so that whole numbers are summed exactly: one sum in a thousand ends in a half,
    whose rounding would otherwise depend on the processor.
    """
    red, green, blue = np.asarray(colour, dtype=np.float64)
    grey: NDArray[np.float64] = (299 * red + 587 * green + 114 * blue) / 1000
    return grey


def axis_weights(count: int, spacing: float, target: int, target_spacing: float) -> NDArray[np.float64]:
    """Return weights (target, count) that resample an axis about its centre.

    A triangle as wide as the coarser step: linear interpolation to finer samples, an average to coarser ones.
    Rows of targets outside the axis are zero; all others sum to 1.

    Args:
        count: Number of samples.
        spacing: Distance between samples, in mm.
        target: Number of new samples.
        target_spacing: Distance between new samples, in mm.
    """
    here = (np.arange(count) - (count - 1) / 2) * spacing
    there = (np.arange(target) - (target - 1) / 2) * target_spacing
    reach = max(spacing, target_spacing)
    weights = np.clip(1 - np.abs(there[:, None] - here[None]) / reach, 0, None)
    inside = np.abs(there) <= count * spacing / 2
    weights *= inside[:, None]
    total = weights.sum(axis=1, keepdims=True)
    made: NDArray[np.float64] = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return made
