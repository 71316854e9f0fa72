"""Pixels of a DICOM image as physical values or grey levels, with dark padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...not_finite import replace_not_finite
from ...options import Options
from ...problems import UnsupportedFile
from ..windowing import percentiles, window
from .decoders import decode, decode_whole_words
from .frames import WINDOWING, rescaling, tags_of_frame
from .header import DicomHeader
from .lookup import look_up
from .palette import look_up_colours
from .tags import number, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def read_values(read: Dataset, of: DicomHeader, options: Options, frame: int = 0) -> NDArray[np.float64]:
    """Return (C, H, W): grey levels 0 to 1 with a window, else rescaled values; larger is brighter.

    Args:
        read: The whole file.
        of: Its header.
        options: The user's choices.
        frame: Which of its frames.

    Raises:
        UnsupportedFile: The file cannot be read.
        Exception: Whatever pydicom raises.
    """
    stored = _stored(read, of, frame)
    colour = stored.ndim == 3
    outside = padding(read, stored, of, frame)
    inverted = text(read, "PhotometricInterpretation") == "MONOCHROME1"
    values = _physical(read, stored, of, frame, inverted and options.windowing == "none")
    values = np.moveaxis(values, -1, 0) if colour else values[None]
    darkest_is_most = inverted and options.windowing != "none"  # with a window, values are inverted only after it
    values, known = replace_not_finite(values, options.nan_as, inverted=darkest_is_most)
    if outside.any():
        inside = values[0][~outside]
        if not inside.size:
            raise UnsupportedFile("every pixel is padding")
        values[0][outside] = inside.max() if darkest_is_most else inside.min()  # before the range is measured
        tissue = np.broadcast_to(~outside, values.shape) if known is None else known & ~outside
        known = tissue if tissue.any() else known  # scanners pad differently: it must not move the percentiles
    if options.windowing == "none":
        return values
    if options.windowing == "image":
        made = percentiles(values, known)
    elif options.fixed_window is not None:
        # as for NIfTI; LINEAR is of a width in whole levels
        made = window(values, *options.fixed_window, "LINEAR_EXACT")
    else:
        made = _own_window(read, values, of, frame)
    return 1 - made if inverted else made


def _stored(read: Dataset, of: DicomHeader, frame: int) -> NDArray[Any]:
    """Return the stored values (H, W) of a frame, or its colours (H, W, 3)."""
    stored = decode(read, frame if of.frames > 1 else None)
    if text(read, "PhotometricInterpretation") == "PALETTE COLOR":
        stored = look_up_colours(read, stored, of.bits)
    if stored.shape[:2] != (of.height, of.width) or (stored.ndim == 3) != (of.channels == 3):
        raise UnsupportedFile(f"pixels are {stored.shape}, its header says {of.height} x {of.width}")
    return stored


def _physical(read: Dataset, stored: NDArray[Any], of: DicomHeader, frame: int, invert: bool) -> NDArray[np.float64]:
    """Return stored values as physical ones, turned within their range if the least is to be the brightest."""
    if invert and stored.dtype.kind == "f":
        raise UnsupportedFile("is MONOCHROME1 in floats, whose white is not known (--window)")
    if read.get("ModalityLUTSequence"):
        values, most = look_up(stored, read.ModalityLUTSequence[0], of.signed)
        return most - values if invert else values  # the table knows the values as they are stored
    if invert:
        low, high = (-(2 ** (of.bits - 1)), 2 ** (of.bits - 1) - 1) if of.signed else (0, 2**of.bits - 1)
        stored = (low + high) - stored.astype(np.int64)
    slope, intercept = rescaling(read, frame)
    return np.asarray(stored * slope + intercept if of.rescaled else stored, dtype=np.float64)


def _own_window(read: Dataset, values: NDArray[np.float64], of: DicomHeader, frame: int) -> NDArray[np.float64]:
    """Apply the window of a frame, or its table of grey levels if it has no window."""
    item = tags_of_frame(read, frame, WINDOWING)
    if text(item, "WindowCenter") and text(item, "WindowWidth"):
        function = text(item, "VOILUTFunction") or "LINEAR"
        return window(values, number(item, "WindowCenter", 0), number(item, "WindowWidth", 1), function)
    if not item.get("VOILUTSequence"):
        whose = f"frame {frame + 1} has" if of.windowed else "has"  # the words of the header's problem: told once
        raise UnsupportedFile(f"{whose} no window of its own (--window file)")
    grey, most = look_up(values, item.VOILUTSequence[0], of.signed or bool((values < 0).any()))
    return grey / most


def padding(read: Dataset, stored: NDArray[Any], of: DicomHeader, frame: int = 0) -> NDArray[np.bool_]:
    """Return a mask (H, W) of the pixels that the file declares as padding (DICOM PS3.3 C.7.5.1.1.2)."""
    if not of.padded or stored.dtype.kind == "f":
        return np.zeros(stored.shape[:2], dtype=np.bool_)
    size = 2 ** (8 * stored.dtype.itemsize)
    names = ("PixelPaddingValue", "PixelPaddingRangeLimit")
    ends = [int(number(read, name, 0)) for name in names if text(read, name)]
    ends = [end - size if of.signed and end >= size // 2 else end for end in ends]  # some scanners write it unsigned
    low, high = (-(2 ** (of.bits - 1)), 2 ** (of.bits - 1) - 1) if of.signed else (0, 2**of.bits - 1)
    if not low <= min(ends) <= max(ends) <= high and not read.file_meta.TransferSyntaxUID.is_encapsulated:
        # a mark that the stored bits cannot hold: it stands in the unused ones
        stored = decode_whole_words(read, frame if of.frames > 1 else None)
    found: NDArray[np.bool_] = (stored >= min(ends)) & (stored <= max(ends))
    return found
