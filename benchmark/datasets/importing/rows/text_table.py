"""Text tables as programs around the world write them: separators, encodings and line ends."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError

SEPARATORS = (",", ";", "\t", "|")
NAMED = {"\t": "tabs"}
BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig"}
LARGEST_CELL = 1 << 20  # characters: beyond it a quote was not closed


def read_text(data: bytes, path: Path, needed: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """Read a table with a header; every cell is text.

    Args:
        data: Content of the file.
        path: The file, for messages.
        needed: Columns that tell a separator by standing in the header; case does not matter.
        notes: Get what is not as in most tables.

    Returns:
        The table; its index is the line in the file, and its attribute `separator` says what parts the cells.

    Raises:
        MedshiftError: It is empty, not UTF-8 or UTF-16, or its rows do not fit its header; the message says the line.
    """
    text = _decode(data, path, notes)
    said, skipped = "", 0
    first, _, rest = text.partition("\n")
    if first.strip().strip('"').lower().startswith("sep=") and len(first.strip().strip('"')) <= 5:
        said, text, skipped = first.strip("\r\n").strip('"')[4:5], rest, 1  # Excel's own line
    separator = said or _separator(text, needed)
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
    read.attrs["separator"] = separator
    return read[[name for name, head in zip(columns, header, strict=True) if head.strip() or (read[name] != "").any()]]


def _decode(data: bytes, path: Path, notes: list[str]) -> str:
    coding = next((name for mark, name in BOMS.items() if data.startswith(mark)), "")
    if not coding and len(data) > 1 and 0 in data[:2] and data[:2] != b"\0\0":
        coding = "utf-16-le" if data[1] == 0 else "utf-16-be"
    if coding.startswith("utf-16"):
        notes.append(f"{path.name} is UTF-16")
    try:
        return data.decode(coding or "utf-8")
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
    cells = {
        mark: [cell.strip().casefold() for cell in next(csv.reader([header], delimiter=mark), [])]
        for mark in SEPARATORS
    }
    for mark in SEPARATORS:
        if all(name.casefold() in cells[mark] for name in needed):
            return mark
    return "," if len(cells[","]) > 1 else max(SEPARATORS, key=lambda mark: len(cells[mark]))


def _parse(text: str, separator: str, path: Path, skipped: int) -> tuple[list[int], list[list[str]]]:
    """Return the line in which each row begins, and the cells of each row that is not empty."""
    for strict in (True, False):
        before = csv.field_size_limit(LARGEST_CELL)
        lines, rows, start = [], [], 0
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
            for row in reader:
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
