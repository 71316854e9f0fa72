"""Images at a smaller size: the mean over the area of each new pixel, the same bytes in any batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 16  # pixels of the longest side: less shows nothing


def size_problem(shape: Sequence[int], size: int, what: str = "size") -> str:
    """Return why images cannot be scaled to a size; empty if they can.

    Args:
        shape: Spatial shape of the stored images.
        size: Of the longest side; 0 keeps the stored one.
        what: Name of the setting.
    """
    if not size or LEAST <= size <= max(shape):
        return ""
    stored = " x ".join(map(str, shape))
    if size > max(shape):
        return f"{what} {size}: images are stored as {stored}, and are never enlarged: take at most {max(shape)}"
    return f"{what} {size}: take at least {min(LEAST, max(shape))} of the {stored} pixels that are stored"


def scaled_shape(shape: Sequence[int], size: int) -> tuple[int, ...]:
    """Return the spatial shape of images whose longest side is scaled to a size; 0 keeps it."""
    return tuple(max(1, round(n * size / max(shape))) if size else int(n) for n in shape)


def scale(images: Tensor, size: int) -> Tensor:
    """Scale images by averaging over the area of each new pixel, along one axis after another.

    Args:
        images: (N, C, *spatial) float32 in [0, 1].
        size: Of their longest side, at most their own; 0 returns them as they are.
    """
    from ....shifts.numerics.matrices import along

    shape = images.shape[2:]
    for axis, (n, m) in enumerate(zip(shape, scaled_shape(shape, size), strict=True)):
        if m != n:
            images = along(images, _areas(n, m), axis - len(shape))
    return images


@lru_cache(maxsize=64)
def _areas(n: int, m: int) -> Tensor:
    """Return the (m, n) matrix of means over m equal parts of an axis; pixels on an edge are shared."""
    import torch

    from ....shifts.numerics.matrices import exact

    edges = torch.arange(m + 1, dtype=torch.float64) * n / m
    pixel = torch.arange(n, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    return exact(overlap.clamp(min=0) * m / n)
