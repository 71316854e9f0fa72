"""What MONAI's bundles say of a network's input and output (`network_data_format` in metadata.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from .interface import Interface
from .options import from_metadata

KNOWN = ((0, 1), (0, 255), (-1, 1))  # ranges that say how grey levels are scaled; others are in units of a scanner


def from_monai(metadata: Mapping[str, object], where: str) -> Interface:
    """Read the first input and output that are described; what has another form than MONAI documents is left open.

    Args:
        metadata: Content of a `metadata.json`.
        where: Named in errors.
    """
    described = _mapping(metadata.get("network_data_format"))
    image = _first(described.get("inputs"))
    channels = image.get("num_channels")
    size = image.get("spatial_shape")
    sides = [side for side in size if isinstance(side, int)] if isinstance(size, list) else []
    bounds = image.get("value_range")
    scaled = isinstance(bounds, list) and tuple(bounds) in KNOWN
    names = _mapping(_first(described.get("outputs")).get("channel_def"))
    stated: dict[str, object] = {
        "input_channels": channels if isinstance(channels, int) else None,
        "input_size": sides if isinstance(size, list) and len(sides) == len(size) and sides else None,
        "range": bounds if scaled else None,
        "class_order": names if len(names) > 1 else None,
    }
    return from_metadata(stated, where)


def _first(several: object) -> Mapping[str, object]:
    values = list(_mapping(several).values())
    return _mapping(values[0]) if values else {}


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
