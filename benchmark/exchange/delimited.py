"""Read a table of predictions as spreadsheets and libraries write them: any separator and encoding, or Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ...shifts.errors import MedshiftError, in_one_line
from ..files.bounded.child import ReadingError, call
from ..files.bounded.limits import MIB, Limits
from ..files.memory import available
from ..files.text_tables import MARKS, encoding, find_separator, named_separator, refuse_workbook
from ..submissions.predictions import KEYS

NAMED = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TEXT = (".csv", ".tsv", ".txt")
BASE, PER_BYTE, SHARE = 768 * MIB, 60, 0.5  # of memory: to start with, for a byte of the file, of what is free
HEAD = 1 << 16  # bytes in which separator and encoding are looked for


def read_table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a table in a child; all cells of a text file are text. Return it and notes on how it was read.

    Raises:
        MedshiftError: The file is neither text nor Parquet, or its rows do not have as many cells as its header.
    """
    size, free = path.stat().st_size if path.is_file() else 0, available()
    needed = BASE + PER_BYTE * size
    most = needed if free is None else min(needed, max(BASE, int(SHARE * free)))
    try:
        found = call(plain_table, str(path), Limits(memory=most, seconds=60 + size / MIB, output=most))
    except ReadingError as error:
        why = str(error) if error.exceeds else f"cannot be read: {error.kind}: {error}"
        raise MedshiftError(f"{path} {why}"[:400]) from error
    try:
        columns = {index: _column(given) for index, given in enumerate(found["columns"])}
        table = pd.DataFrame(columns, index=pd.RangeIndex(found["rows"]))
        return table.set_axis([str(name) for name in found["names"]], axis=1), [str(note) for note in found["notes"]]
    except (TypeError, ValueError, KeyError) as error:
        raise MedshiftError(f"{path} crashes its reader: the file is damaged, or made to do harm") from error


def _column(given: object) -> pd.Series:
    if isinstance(given, np.ndarray) and given.ndim == 1:
        return pd.Series(given)
    if not isinstance(given, list) or not all(cell is None or isinstance(cell, str) for cell in given):
        raise TypeError
    return pd.Series(given, dtype=object)


def plain_table(name: str) -> dict[str, object]:
    """Read a table as plain lists and arrays; runs in the child."""
    table, notes = _read(Path(name))
    columns: list[object] = []
    for _, column in table.items():
        kind = column.dtype
        if isinstance(kind, np.dtype) and kind.kind in "iu":
            columns.append(column.to_numpy(np.int64))
        elif isinstance(kind, np.dtype) and kind.kind in "fb":
            columns.append(column.to_numpy(np.float32 if kind == np.float16 else kind))
        else:
            empty = column.isna().tolist()
            columns.append([None if none else str(cell) for cell, none in zip(column.tolist(), empty, strict=True)])
    return {"names": [str(name) for name in table.columns], "columns": columns, "rows": len(table), "notes": notes}


def _read(path: Path) -> tuple[pd.DataFrame, list[str]]:
    kind = path.suffix.lower()
    if not path.is_file():
        raise MedshiftError(f"{path}: {'a folder, not a table' if path.is_dir() else 'no such file'}")
    try:
        if kind == ".parquet":
            return pd.read_parquet(path), []
        if kind in TEXT:
            try:
                return _read_text(path)
            except UnicodeDecodeError:
                if path.read_bytes()[:2] in MARKS:
                    raise
                # what a spreadsheet writes in Western Europe; ids that it gets wrong match no sample
                table, notes = _read_text(path, "cp1252")
                return table, [*notes, "it is not UTF-8: read as Windows-1252"]
    except (OSError, ValueError) as error:  # base classes of pandas' and pyarrow's errors
        raise MedshiftError(f"{path} cannot be read: {in_one_line(error)[:200]}") from error
    raise MedshiftError(f"{path}: predictions must be a .csv or .parquet file: export the table as one of these")


def _read_text(path: Path, coding: str = "") -> tuple[pd.DataFrame, list[str]]:
    with path.open("rb") as file:
        head = file.read(HEAD)
    refuse_workbook(head, path)
    coding = coding or encoding(head)
    with path.open(encoding=coding, newline="") as file:
        filled = ((number, line) for number, line in enumerate(file) if line.strip())
        before, first = next(filled, (0, ""))
        named = named_separator(first)
        header = first if named is None else next(filled, (0, ""))[1]
    separator = named or find_separator(header, _has_keys) or ","
    skipped = 0 if named is None else before + 1
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding=coding, skiprows=skipped)
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus cells for an index
        names, whole = table.columns, table.reset_index()
        if table.index.nlevels > 1 or not (whole.iloc[:, -1] == "").all():  # unless each line ends in a separator
            raise MedshiftError(
                f"{path}: its rows have more cells than its header ({', '.join(map(str, names))[:80]}): if its numbers "
                "have decimal commas, separate cells by semicolons, else remove what follows the last column"
            )
        table = whole.iloc[:, :-1].set_axis(names, axis=1)
    if separator == "," and "utf-16" not in coding:
        return table, []
    name = NAMED.get(separator, repr(separator))
    return table, [f"read as {'UTF-16, ' if 'utf-16' in coding else ''}separated by {name}"]


def _has_keys(cells: list[str]) -> bool:
    return set(KEYS) <= {plain(cell) for cell in cells}


def plain(name: object) -> str:
    """Reduce the name of a column to small letters, digits and `_`, so that `Sample ID` is `sample_id`."""
    return "_".join(str(name).strip().lower().replace("-", " ").replace("_", " ").split())
