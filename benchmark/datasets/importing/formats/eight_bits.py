"""The upper 8 bits of what a reader of DICOM or NIfTI returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError
from .reader import Depth, Reader


class EightBitReader:
    """A reader of unsigned integers, reduced to 8 bits.

    Args:
        reader: The reader that keeps the depth of the files.

    Raises:
        MedshiftError: Its values are floats: no file says which of them are black and white.
    """

    def __init__(self, reader: Reader) -> None:
        if reader.dtype == "float32":
            raise MedshiftError(
                "values are float32, which 8 bits cannot hold: scale them with --window CENTRE,WIDTH (or image) or "
                "--value-range LOW,HIGH, or keep them with `medshift data add`"
            )
        self._reader, self.rows, self.private = reader, reader.rows, reader.private
        self.dtype: Depth = "uint8"
        bits = 16 if reader.value_range is None else int(reader.value_range[1]).bit_length()
        self._shift = 0 if reader.dtype == "uint8" else bits - 8
        self.dropped: int | list[int] = self._shift
        self.value_range = None if self._shift else reader.value_range
        self.ranges, self.windowed = reader.ranges, reader.windowed
        self.notes = [*reader.notes, *([f"upper 8 bits of {bits}"] if self._shift else [])]

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial)."""
        return self._reader.shape

    @property
    def largest(self) -> int:
        """Number of values in the largest file."""
        return self._reader.largest

    @property
    def floats(self) -> Sequence[bool]:
        """Whether each row is of floats in its file."""
        return self._reader.floats

    def image(self, index: int) -> NDArray[Any]:
        """Return the pixels of a row; raises what the reader raises."""
        return (self._reader.image(index) >> self._shift).astype(np.uint8)

    def closing_notes(self) -> list[str]:
        """Return what was done to how many images."""
        return self._reader.closing_notes()
