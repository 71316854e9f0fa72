"""What is noted of every image while it is read, and the notes that come of it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .equal_images import equal_image_notes

DIGEST = 16  # bytes


class Looks:
    """The least and the greatest stored value of every image, and a hash of its pixels.

    Args:
        table: Table of the data set; one row per image.
        classes: Names of the labels.
        value_range: Stored values that become 0 and 1; None is the full scale.
    """

    def __init__(self, table: pd.DataFrame, classes: tuple[str, ...], value_range: tuple[float, float] | None) -> None:
        self.table, self.classes, self.value_range = table, classes, value_range
        self.least = np.full(len(table), np.nan)
        self.greatest = np.full(len(table), np.nan)
        self.digests: list[bytes] = [b""] * len(table)

    def add(self, row: int, image: NDArray[Any]) -> None:
        """Look at the pixels of a row."""
        self.least[row], self.greatest[row] = image.min(), image.max()
        self.digests[row] = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=DIGEST).digest()

    def notes(self) -> list[str]:
        """Return the notes on values and on equal images."""
        return equal_image_notes(self.digests, self.least == self.greatest, self.table, self.classes)
