"""Text tables as programs around the world write them: separators, encodings and line ends."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError
from ....files.text_tables import SEPARATORS, cells, encoding, find_separator, named_separator

NAMED = {"\t": "tabs"}
ROLES = ("domain", "split_group", "split")  # of columns that have these names unless others are given
HEAD = 1 << 16  # bytes that tell the encoding
LARGEST_CELL = 1 << 20  # characters: beyond it a quote was not closed


def read_text(
    data: bytes, path: Path, needed: Sequence[str], notes: list[str], named: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a table with a header; every cell is text.

    Args:
        data: Content of the file.
        path: The file, for messages.
        needed: Columns that tell a separator by standing in the header; case does not matter.
        notes: Get what is not as in most tables.
        named: Further columns of which there must not be two that differ.

    Returns:
        The table; its index is the line in the file, and its attribute `separator` says what parts the cells.

    Raises:
        MedshiftError: It is empty, not UTF-8 or UTF-16, or its rows do not fit its header; the message says the line.
    """
    text = _decode(data, path, notes)
    first, _, rest = text.partition("\n")
    told = named_separator(first)
    skipped = 0 if told is None else 1
    text = text if told is None else rest
    separator = told or _separator(text, needed)
    if separator != ",":
        notes.append(f"{path.name} is separated by {NAMED.get(separator, f'`{separator}`')}")
    lines, rows = _parse(text, separator, path, skipped)
    if not rows:
        raise MedshiftError(f"{path} cannot be read as a table: it is empty")
    header, *rows = rows
    _, *lines = lines
    again = [index for index, row in enumerate(rows) if row[0].lstrip("\ufeff") == header[0] and row[1:] == header[1:]]
    if again:  # files that were put one behind the other
        notes.append(f"left out {len(again):,} rows that repeat the header of {path.name}")
        for index in reversed(again):
            del rows[index], lines[index]
    columns = _unlike([name.strip() for name in header])
    spaced = len(header) > 1 and all(name.startswith(" ") for name in header[1:])  # `a, b, c`
    for line, row in zip(lines, rows, strict=True):
        if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
            raise MedshiftError(
                f"{path}: line {line} has more cells than its header has columns: quote cells that hold `{separator}`"
            )
        if spaced:
            row[1:] = [cell.lstrip(" ") for cell in row[1:]]
        row[len(columns) :] = [""] * (len(columns) - len(row))
    read = pd.DataFrame(rows, columns=columns, index=pd.Index(lines, dtype="int64"), dtype=str)
    _refuse_rivals(read, [name.strip() for name in header], {*needed, *named, *ROLES}, path)
    read.attrs["separator"] = separator
    return read[[name for name, head in zip(columns, header, strict=True) if head.strip() or (read[name] != "").any()]]


def _refuse_rivals(read: pd.DataFrame, header: Sequence[str], roles: Collection[str], path: Path) -> None:
    """Refuse columns of one name that are needed and disagree: nobody can tell which is meant."""
    for name in sorted({name for name in header if name in roles and header.count(name) > 1}):
        places = [index for index, other in enumerate(header) if other == name]
        first = read.iloc[:, places[0]]
        for place in places[1:]:
            unlike = first.index[first != read.iloc[:, place]]
            if len(unlike):
                raise MedshiftError(
                    f"{path}: {len(places)} columns are called {name!r} and differ, first in line {unlike[0]}: rename "
                    "or remove all but one"
                )


def _decode(data: bytes, path: Path, notes: list[str]) -> str:
    coding = encoding(data[:HEAD])
    if coding.startswith("utf-16"):
        notes.append(f"{path.name} is UTF-16")
    try:
        return data.decode(coding)
    except UnicodeDecodeError as error:
        if coding.startswith("utf-16"):
            raise MedshiftError(f"{path} is damaged UTF-16 text: save it as UTF-8") from None
        line = data.count(b"\n", 0, error.start) + 1
        raise MedshiftError(
            f"{path} is not UTF-8 text (line {line}): save it as UTF-8 (in Excel: `CSV UTF-8`)"
        ) from None


def _separator(text: str, needed: Sequence[str]) -> str:
    """Return the separator under which the header has the needed columns, else that which parts it in most cells."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    wanted = {name.casefold() for name in needed}
    if found := find_separator(header, lambda row: wanted <= {cell.strip().casefold() for cell in row}):
        return found
    counts = {mark: len(cells(header, mark)) for mark in SEPARATORS}
    return "," if counts[","] > 1 else max(SEPARATORS, key=counts.__getitem__)


def _parse(text: str, separator: str, path: Path, skipped: int) -> tuple[list[int], list[list[str]]]:
    """Return the line in which each row begins, and the cells of each row that is not empty."""
    for strict in (True, False):
        before = csv.field_size_limit(LARGEST_CELL)
        lines, rows, start = [], [], 0
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
            for row in reader:
                if not strict and reader.line_num > start + 1:  # a quote that stands for inches would swallow lines
                    raise MedshiftError(
                        f"{path} cannot be read as a table: the row of line {start + 1 + skipped} goes on to line "
                        f"{reader.line_num + skipped}, and quotes elsewhere have text behind them: close its quote, or "
                        'write " within a cell as ""'
                    )
                if any(row):
                    lines.append(start + 1 + skipped)
                    rows.append(row)
                start = reader.line_num
        except csv.Error as error:
            if strict and "expected after" in str(error):  # text behind a closing quote, which most programs read
                continue
            raise MedshiftError(
                f"{path} cannot be read as a table: a quote is not closed in the row of line {start + 1 + skipped} "
                f"({error})"
            ) from error
        finally:
            csv.field_size_limit(before)
        return lines, rows
    raise AssertionError


def _unlike(names: list[str]) -> list[str]:
    """Number the second and further columns of one name, as pandas does."""
    made: dict[str, None] = {}
    for index, given in enumerate(names):
        name, count = given or f"Unnamed: {index}", 0
        while name in made:
            count += 1
            name = f"{given}.{count}"
        made[name] = None
    return list(made)
