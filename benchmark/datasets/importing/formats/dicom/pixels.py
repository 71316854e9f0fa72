"""Pixels of a DICOM image as physical values or grey levels, with dark padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...options import Options
from ...problems import UnsupportedFile
from ..windowing import percentiles, window
from .header import DicomHeader, number, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def read_values(read: Dataset, of: DicomHeader, options: Options) -> NDArray[np.float64]:
    """Return (C, H, W): grey levels 0 to 1 with a window, else rescaled values; larger is brighter.

    Raises:
        UnsupportedFile: The file cannot be read.
        Exception: Whatever pydicom raises.
    """
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

    stored = read.pixel_array
    if read.PhotometricInterpretation == "PALETTE COLOR":
        stored = apply_color_lut(stored, read)
        if stored.dtype == np.uint16 and of.bits <= 8:
            stored = stored >> 8
    colour = stored.ndim == 3
    if stored.shape[:2] != (of.height, of.width) or colour != (of.channels == 3):
        raise UnsupportedFile(f"pixels are {stored.shape}, its header says {of.height} x {of.width}")
    outside = padding(read, stored, of)
    inverted = read.PhotometricInterpretation == "MONOCHROME1"
    if inverted and options.windowing == "none":
        low, high = (-(2 ** (of.bits - 1)), 2 ** (of.bits - 1) - 1) if of.signed else (0, 2**of.bits - 1)
        stored = (low + high) - stored.astype(np.int64)
    if "ModalityLUTSequence" in read:
        stored = apply_modality_lut(stored, read)
    elif of.rescaled:
        stored = stored * number(read, "RescaleSlope", 1) + number(read, "RescaleIntercept", 0)
    values = np.asarray(stored, dtype=np.float64)
    values = np.moveaxis(values, -1, 0) if colour else values[None]
    if not np.isfinite(values).all():
        raise UnsupportedFile("holds NaN or infinite values")
    if outside.any():
        inside = values[0][~outside]
        if not inside.size:
            raise UnsupportedFile("every pixel is padding")
        # before the range is measured; with a window, values are inverted only after it
        values[0][outside] = inside.max() if inverted and options.windowing != "none" else inside.min()
    if options.windowing == "none":
        return values
    if options.windowing == "image":
        made = percentiles(values)
    elif options.fixed_window is not None:
        made = window(values, *options.fixed_window)
    else:
        function = text(read, "VOILUTFunction") or "LINEAR"
        made = window(values, number(read, "WindowCenter", 0), number(read, "WindowWidth", 1), function)
    return 1 - made if inverted else made


def padding(read: Dataset, stored: NDArray[Any], of: DicomHeader) -> NDArray[np.bool_]:
    """Return a mask (H, W) of the pixels that the file declares as padding (DICOM PS3.3 C.7.5.1.1.2)."""
    if not of.padded or stored.dtype.kind == "f":
        return np.zeros(stored.shape[:2], dtype=np.bool_)
    size = 2 ** (8 * stored.dtype.itemsize)
    names = ("PixelPaddingValue", "PixelPaddingRangeLimit")
    ends = [int(number(read, name, 0)) for name in names if text(read, name)]
    ends = [end - size if of.signed and end >= size // 2 else end for end in ends]  # some scanners write it unsigned
    found: NDArray[np.bool_] = (stored >= min(ends)) & (stored <= max(ends))
    return found
