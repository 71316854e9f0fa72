"""Correctly rounded square roots; the last bit of torch's float32 root is sometimes wrong."""

from __future__ import annotations

from torch import Tensor


def root(x: Tensor) -> Tensor:
    """Return the square root of float32 values, rounded to the nearest float32."""
    return x.double().sqrt_().float()


def magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """Return the root of real**2 + imaginary**2; overwrites both arguments."""
    return root(real.mul_(real).add_(imaginary.mul_(imaginary)))
