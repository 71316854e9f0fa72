"""PNG, JPEG, TIFF and BMP, 8 and 16 bit, grey and colour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from ...options import LARGEST_SIDE, Options
from ...problems import Problems
from ..reader import Depth, choose_channels, most_common, read_headers
from .header import PictureHeader, read_header
from .pixels import read_square

NAMED = {1: "grey", 3: "colour"}


class PictureReader:
    """All pictures of a data set; headers are read at once, pixels one by one.

    Args:
        root: Folder that the paths are relative to.
        rows: Rows of existing files in these formats.
        options: The user's choices.
        problems: Collects what is wrong with headers.
        progress: Called with (headers read, all headers).
    """

    def __init__(
        self,
        root: Path,
        rows: pd.DataFrame,
        options: Options,
        problems: Problems,
        progress: Callable[[int, int], None],
    ) -> None:
        self._root, self.private = root, False
        self.rows, headers = read_headers(root, rows, lambda path: read_header(path, options.depth), problems, progress)
        self._names = self.rows["file"].tolist()
        self.notes: list[str] = []
        self.value_range: tuple[float, float] | None = None
        self.channels = choose_channels([header.channels for header in headers], options)
        self.dtype: Depth = "uint8" if options.depth == 8 else most_common([header.dtype for header in headers])
        if options.depth is None:
            self._refuse_mixed(headers, options, problems)
        elif any(header.dtype == "uint16" for header in headers):
            self.notes.append("upper 8 bits of 16")
        smallest = min(min(header.width, header.height) for header in headers)
        self.side = options.image_size or min(LARGEST_SIDE, smallest)
        if self.side < 8:
            problems.add(f"the smallest image has a side of {smallest} pixels; 8 are needed")
        larger = not options.image_size and smallest > LARGEST_SIDE
        hint = f" (the smallest is {smallest}: --image-size keeps more)" if larger else ""
        self.notes.append(f"centre-cropped and resized to {self.side} x {self.side}{hint}")

    def _refuse_mixed(self, headers: list[PictureHeader], options: Options, problems: Problems) -> None:
        """Add the pictures whose channels or depth differ from most others."""
        common = most_common([header.channels for header in headers])
        for name, line, header in zip(self.rows["file"], self.rows["line"], headers, strict=True):
            if header.channels != common and not options.channels:
                what = f"{NAMED[header.channels]}, most others are {NAMED[common]}"
                problems.add(f"{name}: {what} (--channels 1 or 3 converts)", line)
            if header.dtype != self.dtype:
                problems.add(f"{name}: values are {header.dtype}, those of most others {self.dtype}", line)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return (self.channels, self.side, self.side)

    def image(self, index: int) -> NDArray[Any]:
        """Return the pixels (C, H, W) of a row.

        Raises:
            UnsupportedFile: The file cannot be read.
            Exception: Whatever the decoder raises.
        """
        return read_square(self._root / self._names[index], self.channels, self.side, self.dtype)
