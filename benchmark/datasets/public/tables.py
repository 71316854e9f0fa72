"""Helpers of the readers: tables, required files, and square images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError, in_one_line
from ...files.bounded.child import ReadingError, each
from ...files.bounded.limits import MIB, Limits

SHOWN = 10  # problems printed in full
PICTURE = Limits(memory=2048 * MIB, seconds=120, output=64 * MIB)  # photographs of the skin have 20 million pixels


def one_of(folder: Path, *names: str) -> Path | None:
    """Return the first of some paths that exists, or None."""
    return next((folder / name for name in names if (folder / name).exists()), None)


def read_csv(path: Path, needed: Sequence[str], sep: str = ",") -> pd.DataFrame:
    """Read a table as text, stripped of surrounding spaces.

    Args:
        path: The file.
        needed: Required columns.
        sep: Separator of cells.

    Raises:
        MedshiftError: It is missing, not a table, or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep=sep)
    except FileNotFoundError:
        raise MedshiftError(f"no {path}") from None
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise MedshiftError(f"{path} cannot be read as a table: {in_one_line(error)}") from error
    table = table.rename(columns=str.strip)
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise MedshiftError(f"{path} lacks the columns {', '.join(lacking)}; it has {', '.join(table.columns)}")
    stripped: pd.DataFrame = table.apply(lambda cells: cells.str.strip())
    return stripped


def coded(path: Path, column: pd.Series[str], codes: dict[str, str]) -> pd.Series[str]:
    """Replace the codes in a column by their meaning.

    Raises:
        MedshiftError: A code is unknown; the message names it.
    """
    wrong = column[~column.isin(codes)]
    if len(wrong):
        raise MedshiftError(f"{path}: {len(wrong)} unknown values of {column.name!r}, e.g. {wrong.iloc[0]!r}")
    return column.map(codes)


def must_exist(folder: Path, names: Sequence[str]) -> None:
    """Raise MedshiftError that lists missing files, if there are any."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        more = f"\n  ... and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
        listed = "\n  ".join(missing[:SHOWN])
        raise MedshiftError(f"{folder}: {len(missing):,} of {len(names):,} files are missing:\n  {listed}{more}")


def by_stem(folder: Path, *patterns: str) -> dict[str, str]:
    """Map lower-case stems of matching image files to paths relative to the folder; earlier patterns win.

    For tables that name images without their extension, or with another one.
    """
    found: dict[str, str] = {}
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"):
                found.setdefault(path.stem.lower(), path.relative_to(folder).as_posix())
    return found


def squares(folder: Path, names: Sequence[str], side: int, *, grey: bool = False) -> Iterator[NDArray[np.uint8]]:
    """Yield the central square (C, side, side) of each image, resized with an antialiasing filter.

    Raises:
        MedshiftError: An image cannot be decoded; the message names it.
    """
    shape = (1 if grey else 3, side, side)
    paths = [folder / name for name in names]
    for path, image in zip(paths, each(partial(_square, side=side, grey=grey), paths, PICTURE), strict=True):
        if isinstance(image, ReadingError):
            why = str(image) if image.exceeds else f"{image.kind}: {image}"
            raise MedshiftError(f"{path} cannot be decoded: {why}") from image
        if not isinstance(image, np.ndarray) or image.shape != shape or image.dtype != np.uint8:
            raise MedshiftError(f"{path} cannot be decoded: {image if isinstance(image, MedshiftError) else 'damaged'}")
        yield image


def _square(path: Path, side: int, grey: bool) -> NDArray[np.uint8]:
    """Read the central square of a picture; runs in the child."""
    from ..importing.formats.pictures.header import open_picture
    from ..importing.formats.pictures.pixels import eight_bits

    with open_picture(path) as image:
        return eight_bits(image, side, grey)
