"""Tone curves as lookup tables, which are faster than `pow` and give the same bytes in any batch.

(A vectorised `pow` or `exp` handles the last few pixels of a chunk by another routine, so that the last bit depends on
a pixel's position in the batch.) Tables have steps of 1/65535, so 8-bit and 16-bit data are represented exactly.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..kernels import compiler, launch
from ..pixels import check_pixels

STEPS = 65535


def grey_levels() -> Tensor:
    """Return the levels of a table: (65536,) float64 from 0 to 1."""
    return torch.arange(STEPS + 1, dtype=torch.float64) / STEPS


@lru_cache(maxsize=64)
def power(exponent: float) -> Tensor:
    """Return the table of x**exponent, (65536,) float32."""
    return (grey_levels() ** exponent).float()


def look_up(images: Tensor, curve: Tensor) -> Tensor:
    """Apply a tone curve to every pixel.

    Args:
        images: Any shape, in [0, 1]; rounded to the nearest of the 65,536 levels.
        curve: (65536,), the curve at `grey_levels()`.
    """
    if compiler.usable(images):
        from ..kernels import pointwise

        out = launch.empty_output(images)
        x, y, levels = images.contiguous().view(-1).numpy(), out.view(-1).numpy(), curve.float().numpy()
        if False in launch.run_threaded(lambda i, j: pointwise.looked_up(x[i:j], levels, y[i:j]), len(x), len(x)):
            check_pixels(images)
        return out
    level = (images * STEPS).round_().to(torch.int32).flatten()
    return curve.to(images.device, torch.float32).index_select(0, level).view(images.shape)
