"""Square roots that are rounded right: torch takes its own from a library that is off by a last bit now and then."""

from __future__ import annotations

from torch import Tensor


def root(x: Tensor) -> Tensor:
    """Returns the square root of float32 values, the nearest float32."""
    return x.double().sqrt_().float()


def magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """Returns the root of real**2 + imaginary**2; both arguments are used up."""
    return root(real.mul_(real).add_(imaginary.mul_(imaginary)))
