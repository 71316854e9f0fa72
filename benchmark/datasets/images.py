"""Images in their stored type, and their conversion to the float32 tensors in [0, 1] that shifts and networks take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Images without labels, in their stored type; batches are float32 in [0, 1].

    Args:
        pixels: (N, C, *spatial), a copy of the images that may be seen.
        value_range: Pixel values that become 0 and 1, see `to_unit`.
    """

    pixels: NDArray[Any]
    value_range: tuple[float, float] | None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels)

    def batch(self, index: Sequence[int] | NDArray[np.int64] | Tensor | slice) -> Tensor:
        """Return some images as float32 (n, C, *spatial) in [0, 1], on the CPU."""
        return to_unit(self.pixels[index if isinstance(index, slice) else np.asarray(index)], self.value_range)

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield all images in order, `size` at a time, as `batch` returns them."""
        for start in range(0, len(self), size):
            yield self.batch(slice(start, start + size))


@dataclass(frozen=True)
class Labelled(Images):
    """Images with labels, of the source domain only.

    Args:
        labels: (N,) int64, 0..K-1.
    """

    labels: NDArray[np.int64]


FULL_SCALE = {"uint8": 255, "uint16": 65535}


def to_unit(pixels: NDArray[Any], value_range: tuple[float, float] | None) -> Tensor:
    """Convert pixels (N, C, *spatial) to a float32 tensor in [0, 1] that shares no memory with them.

    Args:
        pixels: uint8, uint16 or float32.
        value_range: Pixel values that become 0 and 1; None is the full scale of the integer type.

    Raises:
        MedshiftError: Float pixels are not finite, or exceed their range by more than rounding.
    """
    import torch

    low, high = value_range or (0.0, float(FULL_SCALE[pixels.dtype.name]))
    values = torch.from_numpy(np.array(pixels, dtype=np.float32, order="C"))  # always a copy: it is scaled in place
    unit = values.sub_(low).div_(high - low) if low else values.div_(high)
    if pixels.dtype == np.float32:
        least, most = (float(v) for v in unit.aminmax()) if unit.numel() else (0.0, 1.0)
        if not (least >= -1e-4 and most <= 1 + 1e-4):
            raise MedshiftError(f"pixels exceed the value range {low:g} to {high:g} of the data set, or are NaN")
    return unit.clamp_(0, 1)
