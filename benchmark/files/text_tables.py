"""What tells how a text table of another program is to be read: its encoding, its separator, its first line."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable
from pathlib import Path

from ...shifts.errors import MedshiftError

SEPARATORS = (",", ";", "\t", "|")
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods; .xls
SEPARATOR_LINE = re.compile(r'"?sep=(.?)"?\s*', re.IGNORECASE)


def refuse_workbook(start: bytes, path: Path) -> None:
    """Raise MedshiftError if a file begins as workbooks do, whatever its name ends in."""
    if start.startswith(WORKBOOKS):
        raise MedshiftError(f"{path} is a workbook: save its sheet as CSV (in Excel: `CSV UTF-8`)")


def encoding(head: bytes) -> str:
    """Name the encoding by its byte-order mark, or by where its zero bytes are; UTF-8 otherwise.

    Args:
        head: The beginning of the file.
    """
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    even, odd = head[0::2].count(0), head[1::2].count(0)
    ascii_first = len(head) > 1 and head[:2].count(0) == 1
    if ascii_first or (4 * max(even, odd) > len(head) and even != odd):
        return "utf-16-le" if (head[1] == 0 if ascii_first else odd > even) else "utf-16-be"
    return "utf-8"


def named_separator(line: str) -> str | None:
    """Return the separator that Excel's own first line, `sep=;`, names, which may be none; None for another line."""
    found = SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def cells(header: str, separator: str) -> list[str]:
    """Split a header into its cells."""
    return next(csv.reader([header], delimiter=separator), [])


def find_separator(header: str, has_all: Callable[[list[str]], bool]) -> str:
    """Return the separator that splits a header into the cells that are needed; empty if none does.

    Args:
        header: The first line of the table.
        has_all: Whether cells are those that are needed.
    """
    return next((each for each in SEPARATORS if has_all(cells(header, each))), "")
