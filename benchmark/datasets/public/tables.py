"""Helpers of the readers: tables, required files, and square images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError, in_one_line

SHOWN = 10  # problems printed in full


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
    from PIL import Image

    from ..importing.formats.pictures.header import open_picture
    from ..importing.formats.pictures.pixels import eight_bits
    from ..importing.problems import UnsupportedFile

    for name in names:
        try:
            with open_picture(folder / name) as image:
                yield eight_bits(image, side, grey)
        except (OSError, ValueError, SyntaxError, UnsupportedFile, Image.DecompressionBombError) as error:
            raise MedshiftError(f"{folder / name} cannot be decoded: {in_one_line(error)}") from error
