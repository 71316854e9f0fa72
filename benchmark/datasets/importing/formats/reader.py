"""The interface of readers, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import pandas as pd
from numpy.typing import NDArray

from ..options import Options
from ..problems import Problems, undecodable

if TYPE_CHECKING:
    from .value_range import ValueRanges

MOST_PIXELS = 100_000_000  # in one file: more is a decompression bomb or a slide, which needs tiling first
OWN = ("file", "line", "label", "domain", "group", "split")  # columns of rows; all others are kept as text

Depth: TypeAlias = Literal["uint8", "uint16", "float32"]
Header = TypeVar("Header")
Value = TypeVar("Value", int, Depth)


class Reader(Protocol):
    """Reads files of one format: all headers when created, then pixels row by row."""

    rows: pd.DataFrame
    private: bool  # whether paths may identify patients
    dtype: Depth
    value_range: tuple[float, float] | None
    ranges: ValueRanges  # that the user gives
    windowed: bool  # whether values are grey levels of a window
    dropped: int | list[int]  # lower bits that 8 bits do not hold: of all rows, or of each
    notes: list[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial) of every image."""
        ...

    @property
    def floats(self) -> Sequence[bool]:
        """Whether each row is of floats, which have no scale of their own."""
        ...

    def image(self, index: int) -> NDArray[Any]:
        """Return the pixels of a row; raise UnsupportedFile, or whatever the decoder raises."""
        ...

    def closing_notes(self) -> list[str]:
        """Return what was done to how many images; call it once they are read."""
        ...


def read_headers(
    root: Path,
    rows: pd.DataFrame,
    head: Callable[[Path], Header],
    problems: Problems,
    progress: Callable[[int, int], None],
) -> tuple[pd.DataFrame, list[Header]]:
    """Read the headers of all files; return the rows whose header can be read, and the headers.

    Args:
        root: Folder that the paths are relative to.
        rows: Columns file and line.
        head: Reads one header; what it raises is a problem of that file.
        problems: Collects these problems.
        progress: Called with (headers read, all headers).

    Raises:
        MedshiftError: No header can be read.
    """
    heads, kept = [], []
    for index, (name, line) in enumerate(zip(rows["file"].tolist(), rows["line"].tolist(), strict=True)):
        try:
            heads.append(head(root / name))
            kept.append(index)
        except Exception as error:  # a decoder of hostile bytes may raise anything
            problems.add(f"{name}: {undecodable(root / name, error)}", line)
        progress(index + 1, len(rows))
    if not heads:
        problems.stop()
    return rows.iloc[kept].reset_index(drop=True), heads


def choose_channels(counts: Sequence[int], options: Options) -> int:
    """Return how many channels the images of a data set get, from those of the files."""
    return options.channels or (max(counts) if options.depth == 8 else most_common(counts))


def most_common(values: Sequence[Value]) -> Value:
    """Return the value that occurs most often; of two as common, the lesser."""
    return max(sorted(set(values)), key=values.count)
