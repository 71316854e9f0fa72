"""The truth of a protocol: label, domain, group and split of every sample. No pixels, so it can be shared."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...shifts.errors import MedshiftError, in_one_line
from ..files import parquet_bounds
from ..files.atomic import replace
from .condition import Condition

COLUMNS = ("sample_id", "label", "domain", "group", "split")
LARGEST_FILE = 256 << 20  # bytes
LARGEST = 1 << 30  # bytes of its decoded strings: about ten million rows
SPLITS = ("train", "val", "test", "adapt", "unused")


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Reduce a table to `COLUMNS`, sorted by sample_id, label as int64 and the rest as str."""
    text = {name: table[name].astype(str) for name in COLUMNS if name != "label"}
    tidied = pd.DataFrame({**text, "label": table["label"].astype("int64")})[list(COLUMNS)]
    return tidied.sort_values("sample_id", kind="stable").reset_index(drop=True)


def digest(table: pd.DataFrame) -> str:
    """Hash the content of a tidy truth, independent of file format and library versions."""
    text = tidy(table).to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a truth as Parquet, atomically."""
    with replace(path) as temporary:
        tidy(table).to_parquet(temporary, index=False, compression="zstd")


def read(path: Path) -> pd.DataFrame:
    """Read a tidy truth. Like predictions, it is untrusted: nothing of unbounded size is decompressed.

    Raises:
        MedshiftError: The file is missing, damaged, absurdly large, or not a truth.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise MedshiftError(f"{path} is larger than {LARGEST_FILE >> 20} MiB, the limit for a truth")
        rows, size = parquet_bounds.parquet_bounds(path, LARGEST)
        size += rows * len(COLUMNS)
        have = pq.read_schema(path)
        if sorted(have.names) != sorted(COLUMNS):
            raise MedshiftError(f"{path} has columns {', '.join(have.names)[:200]}; a truth has {', '.join(COLUMNS)}")
        if not pa.types.is_integer(have.field("label").type):
            raise MedshiftError(f"{path} has labels of type {have.field('label').type}, not int64")
        if size <= LARGEST:
            # as dictionaries: a long string repeated a million times is held once until its size is known
            with pq.ParquetFile(path, read_dictionary=[name for name in COLUMNS if name != "label"]) as file:
                table = file.read(columns=list(COLUMNS))
            table.validate(full=True)  # a damaged page can point beyond its dictionary, or hold invalid UTF-8
            size = sum(_decoded(table[name]) for name in COLUMNS if name != "label")
        if size > LARGEST:
            raise MedshiftError(f"{path} decompresses to {size >> 20} MiB; refused")
        columns = {name: table[name] for name in COLUMNS}
        if any(column.null_count for column in columns.values()):
            raise MedshiftError(f"{path} has empty cells: fetch or make it again")
        text = {name: column.cast(pa.large_string()).to_pandas() for name, column in columns.items() if name != "label"}
        truth = tidy(pd.DataFrame({**text, "label": columns["label"].to_pandas()}))
    except (OSError, pa.ArrowException, ValueError, LookupError, ArithmeticError, MemoryError) as error:
        raise MedshiftError(f"{path} cannot be read as a truth table: {in_one_line(error)[:200]}") from error
    if truth["sample_id"].duplicated().any():
        raise MedshiftError(f"{path} has repeated sample ids: fetch or make it again")
    return truth


def _decoded(column: pa.ChunkedArray) -> int:
    """Return the bytes that the strings of a column take once each row has its own copy."""
    total = 0
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            lengths = pc.binary_length(chunk.dictionary).fill_null(0)
            total += pc.sum(lengths.take(chunk.indices).cast(pa.int64())).as_py() or 0
        else:
            total += chunk.nbytes
    return total


def truth_of(truth: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """Return the rows of a tidy truth under a condition, sorted by sample id, with their index."""
    return truth[truth["domain"].isin(condition.domains) & (truth["split"] == condition.split)]
