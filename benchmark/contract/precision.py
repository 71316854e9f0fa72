"""Number formats that networks compute in, and networks that compute in 16 bits. Importing this imports no torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...shifts.errors import MedshiftError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .access import Access

#: tf32 and float32 differ in the products of matrices and convolutions on some graphics cards only.
Precision: TypeAlias = Literal["float32", "tf32", "bfloat16", "float16"]
DEFAULT: Precision = "float32"
HALVES = ("bfloat16", "float16")


def computing_in(network: nn.Module, precision: Precision) -> nn.Module:
    """Make a network compute in a precision, by autocasting, and return float32; change it in place.

    Losses, and what methods make of features, stay in float32, and so do weights and gradients. `tf32` is a setting of
    the process (`runs.environment.prepare`).

    Args:
        network: Its `forward` and, if it has one, `features` are changed.
        precision: The precision; float32 and tf32 change nothing.
    """
    if precision in HALVES:
        import torch

        network.computes_in = getattr(torch, precision)
        # bound methods, not closures: copies of the network are bound to themselves
        network.forward = MethodType(_forward, network)
        if hasattr(network, "features"):
            network.features = MethodType(_features, network)  # type: ignore[assignment]
    return network


def scaler(access: Access) -> Any:  # noqa: ANN401 - torch's, whose place depends on its version
    """Return what scales losses so that gradients do not vanish in float16; it changes nothing otherwise."""
    import torch

    enabled = access.precision == "float16"
    if enabled:  # the first step may be left out, until the scale fits
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
    made = getattr(torch.amp, "GradScaler", None)
    return made(access.device.type, enabled=enabled) if made else torch.cuda.amp.GradScaler(enabled=enabled)


def refuse_float16(access: Access, method: str) -> None:
    """Raise MedshiftError if a method that learns at test time would do so in float16."""
    if access.precision == "float16":
        raise MedshiftError(
            f"{method} learns at test time, and float16 loses small gradients there: give --precision bfloat16"
        )


def _forward(network: Any, *given: Tensor) -> Any:  # noqa: ANN401
    return _autocast(network, type(network).forward, given)


def _features(network: Any, *given: Tensor) -> Any:  # noqa: ANN401
    return _autocast(network, type(network).features, given)


def _autocast(network: Any, compute: Callable[..., object], given: tuple[Tensor, ...]) -> object:  # noqa: ANN401
    import torch

    with torch.autocast(given[0].device.type, network.computes_in):
        return _in_float32(compute(network, *given))


def _in_float32(found: Any) -> Any:  # noqa: ANN401
    if isinstance(found, tuple):
        return tuple(map(_in_float32, found))
    return found.float()
