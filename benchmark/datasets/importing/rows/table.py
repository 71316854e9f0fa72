"""Read a manifest, text or Parquet, as a table of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError
from ....files.text_tables import refuse_workbook
from .text_table import read_text


def read_table(path: Path, needed: Sequence[str], notes: list[str], named: Sequence[str] = ()) -> pd.DataFrame:
    """Read a manifest as text, with empty strings for empty cells.

    Args:
        path: The manifest; its content tells whether it is Parquet.
        needed: Columns of file and label.
        notes: Get what is not as in most tables.
        named: Further columns that are asked for by name, of which there must not be two that differ.

    Returns:
        The table; its index is the line in the file (text) or the row from 1 (Parquet).

    Raises:
        MedshiftError: It is missing, not a table, or not UTF-8; the message says in which line.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start == b"PAR1" or path.suffix.lower() in (".parquet", ".pq"):
            read = _parquet(path, needed, notes)
        else:
            refuse_workbook(start, path)
            read = read_text(path.read_bytes(), path, needed, notes, named)
    except (OSError, ValueError) as error:  # pyarrow's are of these kinds
        raise MedshiftError(f"{path} cannot be read as a table: {str(error).strip().splitlines()[0]}") from error
    read.columns = [str(name) for name in read.columns]
    return read[(read != "").any(axis=1)]


def _parquet(path: Path, needed: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """Read a Parquet table; columns of bytes, which may be images, are left out unread."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = parquet.read_schema(path)
    held = [field.name for field in schema if _holds_bytes(field.type)]
    for name in needed:
        if name in held:
            raise MedshiftError(
                f"{path}: column {name!r} holds the files themselves, not their paths, which is not supported: write "
                "each to a file, and its path to the column"
            )
    if held:
        notes.append(f"left out columns of bytes: {', '.join(held)}")
    names = [name for name in schema.names if name not in held]
    table = parquet.read_table(path, columns=names)
    try:
        read: pd.DataFrame = table.to_pandas(integer_object_nulls=True)  # as floats, long numbers would be rounded
    except (pa.ArrowException, ValueError, TypeError, KeyError):  # what only pandas' own metadata tells is damaged
        read = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    if any(name is not None for name in read.index.names):
        read = read.reset_index()
    for field in table.schema:
        if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):  # several findings, as in `a|b`
            read[field.name] = ["" if cell is None else "|".join(map(str, cell)) or "[]" for cell in read[field.name]]
    read = read.astype(object).where(read.notna(), "").astype(str)
    read.index = pd.RangeIndex(1, len(read) + 1)
    return read


def _holds_bytes(kind: object) -> bool:
    """Tell whether a type of Parquet is bytes, or a structure or list with bytes in it."""
    import pyarrow as pa

    if isinstance(kind, pa.StructType):
        return any(_holds_bytes(field.type) for field in kind)
    if isinstance(kind, (pa.ListType, pa.LargeListType, pa.FixedSizeListType)):
        return _holds_bytes(kind.value_type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))
