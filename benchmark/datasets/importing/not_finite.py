"""NaN and infinite values: refused, or replaced as the user says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from .problems import UnsupportedFile

DARKEST = "darkest"


def check_nan_as(text: str) -> None:
    """Raise MedshiftError if `--nan-as` is neither a number nor `darkest`."""
    if text in ("", DARKEST):
        return
    try:
        known = math.isfinite(float(text))
    except ValueError:
        known = False
    if not known:
        raise MedshiftError(f"--nan-as must be a number (e.g. 0 or -1000) or {DARKEST}, not {text!r}")


def replace_not_finite(
    values: NDArray[Any], nan_as: str, what: str = "pixels", inverted: bool = False
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return values without NaN and infinities, and a mask of those that were finite; None if all were.

    Args:
        values: Of one image.
        nan_as: As `Options.nan_as`; empty refuses.
        what: The word for its values in a message.
        inverted: Whether the largest value is the darkest.

    Raises:
        UnsupportedFile: Some values are not finite and `nan_as` is empty, or none is finite.
    """
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values, None
    finite = np.isfinite(values)
    if not finite.any():
        raise UnsupportedFile(f"all {what} are NaN or infinite")
    if not nan_as:
        lost = f"{values.size - np.count_nonzero(finite):,} of {values.size:,} {what} are NaN or infinite"
        raise UnsupportedFile(f"{lost}: --nan-as {DARKEST} (or a value) replaces them")
    inside = values[finite]
    by = (inside.max() if inverted else inside.min()) if nan_as == DARKEST else float(nan_as)
    return np.where(finite, values, np.asarray(by, dtype=values.dtype)), finite


def nan_note(nan_as: str, what: str, whole: str) -> str:
    """Say what NaN becomes."""
    by = f"the least of their {whole}" if nan_as == DARKEST else nan_as
    return f"NaN and infinite {what} become {by} (--nan-as)"
