"""The pixel contract: values are finite and in [0, 1]; and the weights of luma."""

from __future__ import annotations

from torch import Tensor

from .errors import MedshiftError

LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue, ITU-R BT.601


def in_range(images: Tensor) -> bool:
    """Return whether all values are finite and in [0, 1]."""
    low, high = images.aminmax()
    return bool(low >= 0) and bool(high <= 1)


def check_pixels(images: Tensor) -> None:
    """Raise MedshiftError unless all values are finite and in [0, 1]."""
    if images.numel() and not in_range(images):
        raise MedshiftError("images must be finite and in [0, 1]: scale them by the data set's value range first")
