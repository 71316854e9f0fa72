"""Read a manifest, CSV or Parquet, as a table of text."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError


def read_table(path: Path) -> pd.DataFrame:
    """Read a manifest as text, with empty strings for empty cells.

    Returns:
        The table; its index is the line in the file (CSV) or the row from 1 (Parquet).

    Raises:
        MedshiftError: It is missing, not a table, or not UTF-8; the message says in which line.
    """
    try:
        if path.suffix.lower() == ".parquet":
            read = pd.read_parquet(path)
            read = read.astype(object).where(read.notna(), "").astype(str)
            read.index = pd.RangeIndex(1, len(read) + 1)
        else:
            read = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
            if not isinstance(read.index, pd.RangeIndex):
                raise MedshiftError(f"{path}: its first lines have more cells than its header has columns")
            read = read.fillna("")  # cells of lines that are too short
            read.index = pd.RangeIndex(2, len(read) + 2)
    except UnicodeDecodeError:
        raise MedshiftError(f"{path} is not UTF-8 text{_where(path)}: save it as UTF-8") from None
    except (
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        OSError,
        ValueError,
    ) as error:  # pyarrow's are the last two
        raise MedshiftError(f"{path} cannot be read as a table: {str(error).strip().splitlines()[0]}") from error
    read.columns = [str(name) for name in read.columns]
    return read[(read != "").any(axis=1)]


def _where(path: Path) -> str:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f" (line {line})"
    return ""
