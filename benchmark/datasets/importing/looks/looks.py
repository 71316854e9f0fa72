"""What is noted of every image while it is read, and the notes that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...images import FULL_SCALE
from ..notes import GraveNote, ValueNote
from .equal_images import equal_image_notes
from .values import BELOW_AIR, constant_notes, depth_notes, float_notes

if TYPE_CHECKING:
    from ..formats.value_range import ValueRanges

SECOND = 5  # percentile of the values above the least: what comes after padding


class Looks:
    """The least and the greatest stored value of every image, and a hash of its pixels (for this process only).

    Args:
        table: Table of the data set; one row per image.
        classes: Names of the labels.
        value_range: Stored values that become 0 and 1; None is the full scale.
        dropped: Lower bits of the files that the stored values lack: of all, or of each row.
        ranges: The values that the user says are black and white; None if a window does.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        classes: tuple[str, ...],
        value_range: tuple[float, float] | None,
        dropped: int | Sequence[int] = 0,
        ranges: ValueRanges | None = None,
    ) -> None:
        self.table, self.classes, self.value_range = table, classes, value_range
        self._dropped = np.broadcast_to(np.asarray(dropped, dtype=np.int64), len(table))
        self._ranges = ranges
        self.least = np.full(len(table), np.nan)
        self.greatest = np.full(len(table), np.nan)
        self.second = np.full(len(table), np.nan)  # of images that may be padded
        self.digests = [0] * len(table)
        self._dtype = ""

    def add(self, row: int, image: NDArray[Any]) -> None:
        """Look at the pixels of a row."""
        flat = image.reshape(-1)
        self.least[row], self.greatest[row] = least, greatest = np.minimum.reduce(flat), np.maximum.reduce(flat)
        self.digests[row] = hash(flat.tobytes())
        self._dtype = self._dtype or image.dtype.name
        if least < BELOW_AIR and least < greatest:
            self.second[row] = np.percentile(image[image > least], SECOND)

    def notes(self) -> list[str]:
        """Return the notes on equal images and on values."""
        equal = equal_image_notes(self.digests, self.least == self.greatest, self.table, self.classes)
        return [*map(GraveNote, equal), *map(ValueNote, self._value_notes())]

    def _value_notes(self) -> list[str]:
        names = self.table["sample_id"].to_numpy(dtype=object)
        constant = self.least == self.greatest
        domains = self.table["domain"].to_numpy(dtype=object)
        made = constant_notes(names, domains, constant)
        if constant.all() and self._dropped.any():  # perhaps only because of what is dropped
            constant = np.zeros_like(constant)
        if self._ranges is None or constant.all():
            return made
        if self._ranges:
            return made + self._notes_of_unscaled(self._ranges, constant)
        seen = (names[~constant], domains[~constant])
        least, greatest = self.least[~constant], self.greatest[~constant]
        if self._dtype not in FULL_SCALE:
            return made + float_notes(*seen, least, greatest, self.second[~constant])
        full = FULL_SCALE[self._dtype] if self.value_range is None else int(self.value_range[1])
        dropped = self._dropped[~constant]
        step = 2.0**dropped  # what a step of the stored values was in the files
        bits = full.bit_length() + dropped
        return made + depth_notes(*seen, least * step, (greatest + 1) * step - 1, bits, exact=dropped == 0)

    def _notes_of_unscaled(self, ranges: ValueRanges, constant: NDArray[np.bool_]) -> list[str]:
        """Return the notes on the rows of domains without a range; those with one have been seen to."""
        rows = np.array([row for row in sorted(ranges.unscaled) if not constant[row]], dtype=np.int64)
        ends = np.array([ranges.unscaled[row] for row in rows]).reshape(-1, 3)
        made: list[str] = []
        for most in np.unique(ends[:, 2]):  # of each depth by itself
            here = ends[:, 2] == most
            names, domains = (self.table[name].to_numpy(dtype=object)[rows[here]] for name in ("sample_id", "domain"))
            bits = np.full(int(here.sum()), int(most).bit_length())
            made += depth_notes(
                names, domains, ends[here, 0], ends[here, 1], bits, np.ones(len(bits), dtype=np.bool_), each=True
            )
        return made
