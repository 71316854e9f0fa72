"""Options on pixel values, read from text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from ....shifts.errors import MedshiftError

Colour: TypeAlias = "tuple[int, int, int]"

BLACK: Colour = (0, 0, 0)


def parse_background(text: str) -> Colour:
    """Return a colour by its name or as #rrggbb; black if the text is empty.

    Raises:
        MedshiftError: It is not a colour.
    """
    if not text:
        return BLACK
    from PIL.ImageColor import getrgb

    try:
        red, green, blue = getrgb(text)[:3]
    except ValueError:
        raise MedshiftError(f"--background must be a colour such as white or #ff0000, not {text!r}") from None
    return red, green, blue


def parse_value_ranges(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the range of each domain; that of all others under an empty name.

    Names of domains may hold colons and commas, so that a text is read from its end.

    Raises:
        MedshiftError: A text is not a range, or a domain has two.
    """
    found: dict[str, tuple[float, float]] = {}
    for text in texts:
        head, _, high = text.rpartition(",")
        domain, _, low = head.rpartition(":")
        try:
            ends = float(low), float(high)
        except ValueError:
            ends = 0.0, 0.0
        if not (ends[0] < ends[1] and math.isfinite(ends[0] + ends[1])):
            raise MedshiftError(f"--value-range must be LOW,HIGH or DOMAIN:LOW,HIGH (e.g. 0,4095), not {text!r}")
        if domain in found:
            raise MedshiftError(f"--value-range is given twice for {repr(domain) if domain else 'all domains'}")
        found[domain] = ends
    return found
