"""Number formats that networks compute in, and networks that compute in 16 bits. Importing this imports no torch."""

from __future__ import annotations

import warnings
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
        network.forward = _Autocast(network, "forward")
        if hasattr(network, "features"):
            network.features = _Autocast(network, "features")  # type: ignore[assignment]
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


class _Autocast:
    """A method of a network, computed in 16 bits.

    An object of a class, neither a closure nor a bound method: copies and pickles of the network hold one that computes
    with their own weights.

    Args:
        network: The network.
        name: Of the method.
    """

    def __init__(self, network: Any, name: str) -> None:  # noqa: ANN401
        self.network, self.name = network, name

    def __call__(self, *given: Tensor) -> Any:  # noqa: ANN401
        import torch

        compute = getattr(type(self.network), self.name)
        with torch.autocast(given[0].device.type, self.network.computes_in):
            return _in_float32(compute(self.network, *given))


def _in_float32(found: Any) -> Any:  # noqa: ANN401
    if isinstance(found, tuple):
        return tuple(map(_in_float32, found))
    return found.float()
