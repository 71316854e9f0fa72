"""Read a table of predictions as spreadsheets and libraries write them: any separator and encoding, or Parquet."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path

import pandas as pd

from ...shifts.errors import MedshiftError, in_one_line
from ..submissions.predictions import KEYS

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TEXT = (".csv", ".tsv", ".txt")
HEAD = 1 << 16  # bytes in which separator and encoding are looked for
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a table; all cells of a text file are text. Return it and notes on how it was read.

    Raises:
        MedshiftError: The file is neither text nor Parquet, or its rows do not have as many cells as its header.
    """
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


def _read_text(path: Path, encoding: str = "") -> tuple[pd.DataFrame, list[str]]:
    with path.open("rb") as file:
        head = file.read(HEAD)
    encoding = encoding or _encoding(head)
    with path.open(encoding=encoding, newline="") as file:
        first = next((line for line in file if line.strip()), "")
    marked = re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE)
    separator = marked[1] if marked else _separator(first)
    table = pd.read_csv(
        path, sep=separator, dtype=str, keep_default_na=False, encoding=encoding, skiprows=int(marked is not None)
    )
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus cells for an index
        names, whole = table.columns, table.reset_index()
        if table.index.nlevels > 1 or not (whole.iloc[:, -1] == "").all():  # unless each line ends in a separator
            raise MedshiftError(
                f"{path}: its rows have more cells than its header ({', '.join(map(str, names))[:80]}): if its numbers "
                "have decimal commas, separate cells by semicolons, else remove what follows the last column"
            )
        table = whole.iloc[:, :-1].set_axis(names, axis=1)
    if separator == "," and "utf-16" not in encoding:
        return table, []
    name = SEPARATORS.get(separator, repr(separator))
    return table, [f"read as {'UTF-16, ' if 'utf-16' in encoding else ''}separated by {name}"]


def _encoding(head: bytes) -> str:
    """Name the encoding by its byte-order mark, or by where its zero bytes are; UTF-8 otherwise."""
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if 4 * max(even, odd) > len(head):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def _separator(header: str) -> str:
    """Return the separator that splits a header into cells among which are both keys; a comma if none does."""
    for separator in SEPARATORS:
        cells = next(csv.reader([header], delimiter=separator), [])
        if set(KEYS) <= {plain(cell) for cell in cells}:
            return separator
    return ","


def plain(name: object) -> str:
    """Reduce the name of a column to small letters, digits and `_`, so that `Sample ID` is `sample_id`."""
    return "_".join(str(name).strip().lower().replace("-", " ").replace("_", " ").split())
