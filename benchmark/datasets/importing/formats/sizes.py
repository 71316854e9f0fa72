"""Sizes of flat images: the side that all get, what fitting them to it costs, and the columns that keep them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .....shifts.errors import MedshiftError
from ....files.wording import percent, plural
from ..options import LARGEST_SIDE, Options
from ..problems import Problems

COLUMNS = ("original_width", "original_height")
LEAST = 8  # pixels of a side that networks and shifts can do with


class Sizes:
    """Widths and heights of all images of a data set, as they are seen: after turning.

    Args:
        sizes: Width and height of each image.
        rows: Columns file and line of each image.
        options: The user's choices.
        problems: Takes the images that are too small.
    """

    def __init__(
        self, sizes: Sequence[tuple[int, int]], rows: pd.DataFrame, options: Options, problems: Problems
    ) -> None:
        self._sizes, self._fit = sizes, options.fit
        fitted = max if options.fit == "pad" else min  # the edge of the square that an image becomes
        self._edges = [fitted(size) for size in sizes]
        self._smallest = min(self._edges)
        self.side = options.image_size or min(LARGEST_SIDE, self._smallest)
        if self.side < LEAST:
            for name, line, (width, height), edge in zip(rows["file"], rows["line"], sizes, self._edges, strict=True):
                if edge < LEAST:
                    what = f"{width} x {height} pixels; a side of {LEAST} is needed"
                    problems.add(f"{name}: {what} (--image-size {LEAST} or more enlarges it)", line, "small")
        self._asked = bool(options.image_size)

    def notes(self) -> list[str]:
        """Return what was done to images that are not squares of the chosen side; nothing if all are."""
        oblong = [size for size in self._sizes if size[0] != size[1]]
        made = []
        if oblong and self._fit == "crop":
            whole = sum(width * height for width, height in oblong)
            lost = 1 - sum(min(size) ** 2 for size in oblong) / whole
            made.append(
                f"centre crop cuts off {percent(lost)} of the pixels of {len(oblong):,} images (--fit pad keeps them)"
            )
        elif oblong and self._fit == "pad":
            made.append(f"{len(oblong):,} oblong images are padded with black to squares")
        elif oblong:
            most = max(max(size) / min(size) for size in oblong)
            made.append(f"{len(oblong):,} oblong images are stretched to squares, by a factor of up to {most:.3g}")
        if any(edge != self.side for edge in self._edges):
            larger = not self._asked and self._smallest > LARGEST_SIDE
            hint = f" (the smallest is {self._smallest}: --image-size keeps more)" if larger else ""
            made.append(f"resized to {self.side} x {self.side}{hint}")
        return made

    def refuse_bars(self, where: str) -> None:
        """Refuse bars beside floats whose black is not known: the least of each image would tell it from others.

        Args:
            where: The options that say which value is black.

        Raises:
            MedshiftError: Some images would get bars.
        """
        oblong = sum(width != height for width, height in self._sizes)
        if self._fit == "pad" and oblong:
            raise MedshiftError(
                f"--fit pad: {plural(oblong, 'image')} of floats would get bars, and no file says which value is "
                f"black: give {where}"
            )

    def add_columns(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Add the original sizes where they differ: size may give the class away. Columns of the user stay."""
        if len(set(self._sizes)) < 2:
            return rows
        made = rows.copy()
        for name, values in zip(COLUMNS, zip(*self._sizes, strict=True), strict=True):
            if name not in made:
                made[name] = [str(value) for value in values]
        return made
