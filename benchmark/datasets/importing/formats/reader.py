"""The interface of readers, and what they share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError
from ....files.bounded.child import ReadingError, each
from ....files.bounded.limits import MIB, Limits
from ....files.memory import available
from ....files.text import visible
from ..notes import GraveNote, ValueNote
from ..options import Options
from ..problems import Problems, undecodable

if TYPE_CHECKING:
    from .value_range import ValueRanges

MOST_PIXELS = 100_000_000  # in one file: more is a decompression bomb or a slide, which needs tiling first
OWN = ("file", "line", "label", "domain", "group", "split")  # columns of rows; all others are kept as text

HEADER = Limits(memory=768 * MIB, seconds=20, output=4 * MIB)  # for one header; some files are packed as a whole
# for the pixels of one file: bytes of memory and seconds, and so much more per value, which is held several times
IMAGE_MEMORY, IMAGE_SECONDS, PER_VALUE_MEMORY, PER_VALUE_SECONDS = 512 * MIB, 60.0, 40, 2e-6
LONGEST_NOTE = 4000  # characters
SHARE = 0.5  # of the memory that is free

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
    def largest(self) -> int:
        """Number of values in the largest file."""
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
    kind: type[Any],
    problems: Problems,
    progress: Callable[[int, int], None],
) -> tuple[pd.DataFrame, list[Header]]:
    """Read the headers of all files in a child; return the rows whose header can be read, and the headers.

    Args:
        root: Folder that the paths are relative to.
        rows: Columns file and line.
        head: Reads one header, a dataclass or a list of them; what it raises is a problem of that file.
        kind: Type of what it returns.
        problems: Collects these problems.
        progress: Called with (headers read, all headers).

    Raises:
        MedshiftError: No header can be read.
    """
    from pydantic import TypeAdapter, ValidationError

    check: TypeAdapter[Header] = TypeAdapter(kind)
    heads, kept = [], []
    names, lines = rows["file"].tolist(), rows["line"].tolist()
    for index, found in enumerate(each(_Heads(root, head), names, HEADER)):
        try:
            if isinstance(found, MedshiftError):
                raise found
            heads.append(check.validate_python(found))
            kept.append(index)
        except (MedshiftError, ValidationError) as error:
            problems.add(f"{names[index]}: {undecodable(root / names[index], error)}", lines[index])
        progress(index + 1, len(rows))
    if not heads:
        problems.stop()
    return rows.iloc[kept].reset_index(drop=True), heads


@dataclasses.dataclass(frozen=True)
class _Heads:
    """Reads headers in the child, as plain values."""

    root: Path
    head: Callable[[Path], Any]

    def __call__(self, name: str) -> object:
        """Read the header of a file."""
        found = self.head(self.root / name)
        return [dataclasses.asdict(one) for one in found] if isinstance(found, list) else dataclasses.asdict(found)


@dataclasses.dataclass(frozen=True)
class _Pixels:
    """Reads pixels in the child, and tells at the end what was done to how many images."""

    reader: Reader

    def __call__(self, index: int) -> object:
        """Return the pixels of a row; for -1 the closing notes, each with its kind, and what `ranges` has seen."""
        if index < 0:
            notes = [[type(note).__name__, str(note)] for note in self.reader.closing_notes()]
            return [notes, [[row, *ends] for row, ends in self.reader.ranges.unscaled.items()]]
        return self.reader.image(index)


def read_pixels(reader: Reader, closing: list[str]) -> Iterator[NDArray[Any] | MedshiftError]:
    """Yield the pixels of every row, or what is wrong with it, read in a child.

    Args:
        reader: With the headers of all files.
        closing: Receives what was done to how many images, once all are read.
    """
    size = int(np.prod(reader.shape)) * np.dtype(reader.dtype).itemsize
    bounds = value_limits(reader.largest, size)
    order = [*range(len(reader.rows)), -1]
    for index, found in zip(order, each(_Pixels(reader), order, bounds), strict=True):
        if index < 0:
            closing += _closed(found, reader)
        elif not isinstance(found, MedshiftError | np.ndarray):
            yield ReadingError("crashes its reader: the file is damaged, or made to do harm", "crash")
        elif isinstance(found, np.ndarray) and (found.shape, found.dtype.name) != (reader.shape, reader.dtype):
            yield ReadingError(f"has {found.dtype} {found.shape}, not {reader.dtype} {reader.shape}", "crash")
        else:
            yield found


def value_limits(largest: int, output: int = 0) -> Limits:
    """Return what a child may take to read the values of one file.

    Args:
        largest: Number of values in the largest file.
        output: Bytes that it returns.
    """
    needed, free = IMAGE_MEMORY + PER_VALUE_MEMORY * largest, available()
    return Limits(
        memory=needed if free is None else min(needed, max(IMAGE_MEMORY, int(SHARE * free))),
        seconds=IMAGE_SECONDS + PER_VALUE_SECONDS * largest,
        output=output + MIB,
    )


def _closed(found: object, reader: Reader) -> list[str]:
    """Return the closing notes that the child told, and keep what the ranges have seen there."""
    if isinstance(found, MedshiftError):
        return []
    from pydantic import TypeAdapter

    told = TypeAdapter(tuple[list[tuple[str, str]], list[tuple[int, float, float, float]]])
    notes, seen = told.validate_python(found)
    reader.ranges.unscaled |= {row: (least, most, end) for row, least, most, end in seen}
    kinds: dict[str, Callable[[str], str]] = {kind.__name__: kind for kind in (GraveNote, ValueNote)}
    return [kinds.get(kind, str)(visible(note, LONGEST_NOTE)) for kind, note in notes]


def choose_channels(counts: Sequence[int], options: Options) -> int:
    """Return how many channels the images of a data set get, from those of the files."""
    return options.channels or (max(counts) if options.depth == 8 else most_common(counts))


def most_common(values: Sequence[Value]) -> Value:
    """Return the value that occurs most often; of two as common, the lesser."""
    return max(sorted(set(values)), key=values.count)
