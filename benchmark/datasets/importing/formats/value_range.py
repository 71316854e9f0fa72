"""The range of pixel values that becomes black to white, where the user gives it for all images or by domain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError, near
from ....files.wording import plural
from ...images import FULL_SCALE
from ..pixel_options import parse_value_ranges
from .one_range import refuse_one_range

if TYPE_CHECKING:
    from .reader import Depth


SAID = "values from black to white (--value-range): "


def given_for_all(notes: Sequence[str], value_range: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return the range that a user gave for all images of a data set, from its notes; None if there is none.

    Its value range alone does not say so: it may also come from headers, or from what was measured.
    """
    return value_range if value_range and SAID + _shown(*value_range) in notes else None


def _shown(low: float, high: float) -> str:
    return f"{low:,g} to {high:,g}"


class ValueRanges:
    """Clips pixel values to ranges, and scales them where the ranges differ or 8 bits are wanted.

    One range for all becomes the value range of the data set, whose values stay as they are. With ranges by domain,
    each is scaled to the full scale of the type; a domain without one keeps its own scale.

    Args:
        texts: See `Options.value_ranges`.
        depth: 8 scales all to 8 bits.

    Attributes:
        scales: Whether values are scaled to the full scale of the type, not only clipped.
        unscaled: Row -> least and greatest value in the file, and the end of its scale, where ranges are given but none
            for the row.
        depths: Bits of the file of every row, 0 for floats; empty where all are physical values.
    """

    def __init__(self, texts: Sequence[str], depth: int | None) -> None:
        self._ranges = parse_value_ranges(texts)
        self._eight, self.scales = depth == 8, depth == 8 or any(self._ranges)
        self._domains: list[str] = []
        self._dtype: Depth = "uint8"
        self.unscaled: dict[int, tuple[float, float, float]] = {}
        self.depths: Sequence[int] = ()
        self.images = self.pixels = 0  # with values outside

    def __bool__(self) -> bool:
        """Whether any range is given."""
        return bool(self._ranges)

    def choose_type(self, native: Depth) -> tuple[Depth, tuple[float, float] | None]:
        """Return the type of the stored pixels and the value range of the data set, from the type of the files."""
        self._dtype = "uint8" if self._eight else native
        if self.scales:
            return self._dtype, (0.0, 1.0) if self._dtype == "float32" else None
        whole = self._ranges[""] == (0, FULL_SCALE.get(native))
        return native, None if whole else self._ranges[""]

    def bind(self, domains: Sequence[str], floats: Sequence[bool]) -> None:
        """Take the domain of every row.

        Args:
            domains: One per row.
            floats: Whether each row is of floats, which have no scale of their own.

        Raises:
            MedshiftError: A range names a domain that is not there, floats of a domain have no range, or files of
                several depths have one.
        """
        self._domains = list(domains)
        known = sorted(set(self._domains))
        for name in self._ranges:
            if name and name not in known:
                raise MedshiftError(f"--value-range: unknown domain {name!r}.{near(name, known)}")
        for name in sorted({name for name, held in zip(self._domains, floats, strict=True) if held}):
            if self and name not in self._ranges and "" not in self._ranges:
                raise MedshiftError(f"--value-range: give one for {name!r}, too: floats have no scale of their own")
        if self.depths and "" in self._ranges:
            shared = [name not in self._ranges for name in self._domains]
            refuse_one_range(compress(self._domains, shared), compress(self.depths, shared))
        for own in sorted(filter(None, self._ranges)) if self.depths else ():
            mine = [name == own for name in self._domains]
            refuse_one_range(compress(self._domains, mine), compress(self.depths, mine))

    @property
    def black(self) -> float:
        """The stored value that is black."""
        low = 0.0 if self.scales else self._ranges[""][0]
        return low if self._dtype == "float32" else max(low, 0.0)

    def scale(self, values: NDArray[Any], row: int, own: tuple[float, float]) -> NDArray[np.float64]:
        """Clip the values of a row and scale them to the stored type, without rounding.

        Args:
            values: As the file holds them.
            row: Index of the row.
            own: Values that are black and white where no range is given for the row's domain.
        """
        low, high = self._ranges.get(self._domains[row], self._ranges.get("", own))
        if self and "" not in self._ranges and self._domains[row] not in self._ranges:
            self.unscaled[row] = (float(values.min()), float(values.max()), own[1])
        outside = int(np.count_nonzero((values < low) | (values > high)))
        self.images, self.pixels = self.images + (outside > 0), self.pixels + outside
        clipped = np.clip(np.asarray(values, dtype=np.float64), low, high)
        return (clipped - low) / (high - low) * FULL_SCALE.get(self._dtype, 1) if self.scales else clipped

    def store(self, values: NDArray[np.float64]) -> NDArray[Any]:
        """Round scaled values to the stored type."""
        if self._dtype == "float32":
            return values.astype(np.float32)
        return np.clip(np.rint(values), 0, FULL_SCALE[self._dtype]).astype(self._dtype)

    def notes(self) -> list[str]:
        """Return which ranges are used, and how much lay outside."""
        if not self._ranges:
            return []
        each = [f"{name + ': ' if name else ''}{_shown(*ends)}" for name, ends in self._ranges.items()]
        made = [SAID + ", ".join(each)]
        if self.images:
            where = f"{plural(self.pixels, 'value')} in {plural(self.images, 'image')}"
            made.append(f"{where} lay outside of --value-range: clipped")
        return made
