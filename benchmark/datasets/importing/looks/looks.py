"""What is noted of every image while it is read, and the notes that come of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...images import FULL_SCALE
from .equal_images import equal_image_notes
from .values import BELOW_AIR, constant_notes, depth_notes, float_notes

DIGEST = 16  # bytes
SECOND = 5  # percentile of the values above the least: what comes after padding


class Looks:
    """The least and the greatest stored value of every image, and a hash of its pixels.

    Args:
        table: Table of the data set; one row per image.
        classes: Names of the labels.
        value_range: Stored values that become 0 and 1; None is the full scale.
        dropped: Lower bits of the files that the stored values lack: of all, or of each row.
        given: Whether the user says which values are black and white.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        classes: tuple[str, ...],
        value_range: tuple[float, float] | None,
        dropped: int | Sequence[int] = 0,
        given: bool = False,
    ) -> None:
        self.table, self.classes, self.value_range = table, classes, value_range
        self._dropped = np.broadcast_to(np.asarray(dropped, dtype=np.int64), len(table))
        self._given = given
        self.least = np.full(len(table), np.nan)
        self.greatest = np.full(len(table), np.nan)
        self.second = np.full(len(table), np.nan)  # of images that may be padded
        self.digests: list[bytes] = [b""] * len(table)
        self._dtype = ""

    def add(self, row: int, image: NDArray[Any]) -> None:
        """Look at the pixels of a row."""
        self.least[row], self.greatest[row] = least, greatest = image.min(), image.max()
        self.digests[row] = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=DIGEST).digest()
        self._dtype = image.dtype.name
        if least < BELOW_AIR and least < greatest:
            self.second[row] = np.percentile(image[image > least], SECOND)

    def notes(self) -> list[str]:
        """Return the notes on values and on equal images."""
        equal = equal_image_notes(self.digests, self.least == self.greatest, self.table, self.classes)
        return [*self._value_notes(), *equal]

    def _value_notes(self) -> list[str]:
        names = self.table["sample_id"].to_numpy(dtype=object)
        constant = self.least == self.greatest
        domains = self.table["domain"].to_numpy(dtype=object)
        made = constant_notes(names, domains, constant)
        if constant.all() and self._dropped.any():  # perhaps only because of what is dropped
            constant = np.zeros_like(constant)
        if self._given or constant.all():
            return made
        seen = (names[~constant], domains[~constant])
        least, greatest = self.least[~constant], self.greatest[~constant]
        if self._dtype not in FULL_SCALE:
            return made + float_notes(*seen, least, greatest, self.second[~constant])
        full = FULL_SCALE[self._dtype] if self.value_range is None else int(self.value_range[1])
        dropped = self._dropped[~constant]
        step = 2.0**dropped  # what a step of the stored values was in the files
        bits = full.bit_length() + dropped
        return made + depth_notes(*seen, least * step, (greatest + 1) * step - 1, bits, exact=dropped == 0)
