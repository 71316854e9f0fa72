"""What the shape of a model's input says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ....shifts.errors import MedshiftError
from .interface import Interface, Layout

COLOURS = (1, 3)  # numbers of channels by which a layout is recognised


def with_shape(where: str, stated: Interface, shape: Sequence[object], layout: Layout | None) -> Interface:
    """Add what the shape of the input says.

    Args:
        where: The file, for errors.
        stated: What else it says.
        shape: Of the input; free axes are anything but a positive whole number.
        layout: The user's option.

    Raises:
        MedshiftError: It is not the shape of images.
    """
    axes = [axis if isinstance(axis, int) and axis > 0 else None for axis in shape]
    if len(axes) not in (4, 5):
        listed = " x ".join(str(axis) for axis in shape) or "one number"
        raise MedshiftError(f"{where} takes {listed}, not batches of images: batch x channels x height x width")
    layout = layout or stated.layout or _layout(axes)
    channels, sides = (axes[-1], axes[1:-1]) if layout == "NHWC" else (axes[1], axes[2:])
    known = tuple(side for side in sides if side is not None)
    sized = len(known) == len(sides)
    return replace(
        stated,
        batch=axes[0] if axes[0] is not None else stated.batch,
        input_channels=channels if channels is not None else stated.input_channels,
        input_size=known if sized else stated.input_size,
        layout=layout,
        fixed=(*(["input_size"] if sized else []), *(["input_channels"] if channels is not None else [])),
    )


def _layout(axes: Sequence[int | None]) -> Layout | None:
    """Recognise the layout by which axis can be that of the channels; None if either can."""
    first, last = axes[1] in COLOURS, axes[-1] in COLOURS
    if first == last:
        return None
    return "NCHW" if first else "NHWC"
