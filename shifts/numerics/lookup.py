"""Tone curves as look-up tables: one look-up costs less than one `pow`, and its bytes never depend on the batch.

(A vectorised `pow` or `exp` rounds the last few pixels of a chunk by another routine, so that its last bit depends on
where in the batch a pixel stands.) The table has a step of 1/65535, so 8-bit and 16-bit data are met exactly.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..kernels import compiler, launch
from ..pixels import check_pixels

STEPS = 65535


def grey_levels() -> Tensor:
    """Returns the levels a table is made for: (65536,) float64 from 0 to 1."""
    return torch.arange(STEPS + 1, dtype=torch.float64) / STEPS


@lru_cache(maxsize=64)
def power(exponent: float) -> Tensor:
    """Returns the table, (65536,) float32, of x**exponent."""
    return (grey_levels() ** exponent).float()


def look_up(images: Tensor, curve: Tensor) -> Tensor:
    """Returns `curve` at every pixel.

    Args:
        images: any shape, in [0, 1]; rounded to the nearest of the 65,536 levels.
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
