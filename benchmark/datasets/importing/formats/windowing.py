"""Windowing: physical values to grey levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problems import UnsupportedFile

TAILS = (0.5, 99.5)  # percentiles: a few bright vessels or a metal clip must not darken the rest


def window(values: NDArray[Any], centre: float, width: float, function: str = "LINEAR") -> NDArray[np.float64]:
    """Apply a window; return grey levels 0 to 1.

    Args:
        values: Rescaled values.
        centre: Centre of the window, in the units of the values.
        width: Width of the window.
        function: LINEAR, LINEAR_EXACT or SIGMOID, as DICOM PS3.3 C.11.2.1.2 defines them.

    Raises:
        UnsupportedFile: The width is too small, or the function is another one.
    """
    if function == "SIGMOID" and width > 0:
        made: NDArray[np.float64] = 1 / (1 + np.exp(-4 * (np.asarray(values, dtype=np.float64) - centre) / width))
        return made
    if function == "LINEAR_EXACT" and width > 0:
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if function == "LINEAR" and width >= 1:
        if width == 1:
            return (values > centre - 0.5).astype(np.float64)
        return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    raise UnsupportedFile(f"its window is {function} {centre:g}, {width:g}, which cannot be applied")


def percentiles(values: NDArray[Any], known: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Scale values to grey levels 0 to 1, from their 0.5th to their 99.5th percentile.

    Args:
        values: Finite values.
        known: Mask of those that count for the percentiles; None for all.

    Raises:
        UnsupportedFile: Nearly all values are the same.
    """
    counted = values if known is None else values[known]
    low, high = (float(at) for at in np.percentile(counted, TAILS))
    if not low < high:
        low, high = float(values.min()), float(values.max())  # a small object on a uniform background
    if not low < high:
        raise UnsupportedFile(f"every value is {low:g}")
    return np.clip((values - low) / (high - low), 0, 1)


def levels(unit: NDArray[Any]) -> NDArray[np.uint16]:
    """Convert grey levels 0 to 1 to 16-bit integers."""
    rounded: NDArray[np.uint16] = np.rint(unit * 65535).astype(np.uint16)
    return rounded
