"""Images in their stored type, and their conversion to the float32 tensors in [0, 1] that shifts and networks take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from .streaming.rows import read_rows
from .streaming.scaling import scale, scaled_shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Images without labels, in their stored type; batches are float32 in [0, 1].

    Args:
        pixels: (N, C, *spatial), a copy of the images that may be seen; many are mapped from a file, read-only, and
            `batch` reads only those that it is asked for.
        value_range: Pixel values that become 0 and 1, see `to_unit`.
        groups: (N,) int64, equal for images of one group, and telling nothing else of it; None if groups are unknown.
    """

    pixels: NDArray[Any]
    value_range: tuple[float, float] | None
    groups: NDArray[np.int64] | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels)

    def batch(self, index: Sequence[int] | NDArray[np.int64] | Tensor | slice) -> Tensor:
        """Return some images as float32 (n, C, *spatial) in [0, 1], on the CPU."""
        return self.scaled(self.stored(index))

    def stored(self, index: Sequence[int] | NDArray[np.int64] | Tensor | slice) -> Tensor:
        """Read some images, on the CPU, as `scaled` takes them: 8 bits as they are, others as `batch` returns them.

        What only moves pixels comes to the same before and after scaling, and is faster on integers.
        """
        import torch

        rows = read_rows(self.pixels, index if isinstance(index, slice) else np.asarray(index))
        return torch.from_numpy(rows) if rows.dtype == np.uint8 else to_unit(rows, self.value_range)

    def scaled(self, images: Tensor, device: torch.device | None = None) -> Tensor:
        """Move to a device what `stored` has read, and return it as float32 in [0, 1].

        Args:
            images: From `stored`, perhaps with pixels moved; integers are scaled on the device, to the same bits.
            device: The CPU by default.
        """
        import torch

        there = to_device(images, device or images.device)
        if images.dtype != torch.uint8:
            return there
        low, high = self.value_range or (0.0, float(FULL_SCALE["uint8"]))
        values = there.to(torch.float32)
        # on the device: CUDA turns a division by a number of the CPU into a product, which rounds differently
        scale = torch.full((), high - low, dtype=torch.float32, device=values.device)
        return (values.sub_(low) if low else values).div_(scale).clamp_(0, 1)

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


@dataclass(frozen=True)
class Pool:
    """Images of several parts as one, read where they lie.

    Args:
        parts: With the same value range; their order is that of the pool.
    """

    parts: Sequence[Images]

    def __len__(self) -> int:
        """Number of images."""
        return sum(map(len, self.parts))

    def stored(self, index: Sequence[int] | NDArray[np.int64] | Tensor) -> Tensor:
        """Read some images, on the CPU, as `scaled` takes them."""
        import torch

        rows = np.asarray(index, dtype=np.int64)
        ends = np.cumsum([len(part) for part in self.parts])
        which = np.searchsorted(ends, rows, side="right")
        read = {int(k): self.parts[k].stored(rows[which == k] - (ends[k] - len(self.parts[k]))) for k in set(which)}
        like = next(iter(read.values()))
        out = torch.empty((len(rows), *like.shape[1:]), dtype=like.dtype)
        for k, images in read.items():
            out[torch.from_numpy(which == k)] = images
        return out

    def scaled(self, images: Tensor, device: torch.device | None = None) -> Tensor:
        """Move to a device what `stored` has read, and return it as float32 in [0, 1]."""
        return self.parts[0].scaled(images, device)


def to_device(images: Tensor, device: torch.device) -> Tensor:
    """Move images to a device; to CUDA out of pinned memory, so that the processor need not wait."""
    if device.type == "cuda" and images.device.type == "cpu":
        return images.pin_memory().to(device, non_blocking=True)
    return images.to(device)


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
            seen = [low + value * (high - low) for value in (least, most)]
            what = "they are NaN" if np.isnan(seen).any() else f"they go from {seen[0]:g} to {seen[1]:g}"
            raise MedshiftError(f"pixels exceed the value range {low:g} to {high:g} of the data set: {what}")
    return unit.clamp_(0, 1)


def scale_stored(pixels: NDArray[Any], value_range: tuple[float, float] | None, size: int) -> NDArray[Any]:
    """Scale pixels in their stored type: integers are rounded to whole numbers again.

    Args:
        pixels: (N, C, *spatial) uint8, uint16 or float32.
        value_range: Pixel values that become 0 and 1; None is the full scale of the integer type.
        size: As for `scale`.
    """
    if not size or scaled_shape(pixels.shape[2:], size) == pixels.shape[2:]:
        return pixels
    full = None if pixels.dtype == np.float32 else (0.0, float(FULL_SCALE[pixels.dtype.name]))
    low, high = full or value_range or (0.0, 1.0)
    small = scale(to_unit(pixels, (low, high)), size).numpy().astype(np.float64) * (high - low) + low
    made: NDArray[Any] = (small if full is None else np.rint(small)).astype(pixels.dtype)
    return made
