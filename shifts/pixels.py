"""What the pixels of an image are: finite, from 0 to 1."""

from __future__ import annotations

from torch import Tensor

from .errors import MedshiftError


def in_range(images: Tensor) -> bool:
    """Tells whether all values are finite and in [0, 1]."""
    low, high = images.aminmax()
    return bool(low >= 0) and bool(high <= 1)


def check_pixels(images: Tensor) -> None:
    """Raise MedshiftError unless all values are finite and in [0, 1]."""
    if images.numel() and not in_range(images):
        raise MedshiftError("images must be finite and in [0, 1]: scale them by the data set's value range first")
