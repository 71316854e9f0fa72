"""The truth of a protocol: who is in which split, with which label. No pixels, so it can be shared."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from ..shifts.errors import MedshiftError
from .files import replace

COLUMNS = ("sample_id", "label", "domain", "group", "split")
SPLITS = ("train", "val", "test", "adapt", "unused")


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the columns `COLUMNS` alone, sorted by sample_id, label as int64 and the rest as str."""
    text = {name: table[name].astype(str) for name in COLUMNS if name != "label"}
    tidied = pd.DataFrame({**text, "label": table["label"].astype("int64")})[list(COLUMNS)]
    return tidied.sort_values("sample_id", kind="stable").reset_index(drop=True)


def digest(table: pd.DataFrame) -> str:
    """Returns the sha256 of the content of a tidy truth, whatever file format or library version holds it."""
    text = tidy(table).to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def write(table: pd.DataFrame, path: Path) -> None:
    """Writes a truth as Parquet, renamed into place."""
    with replace(path) as temporary:
        tidy(table).to_parquet(temporary, index=False, compression="zstd")


def read(path: Path) -> pd.DataFrame:
    """Returns a tidy truth.

    Raises:
        MedshiftError: The file is missing, damaged, or not a truth.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are both
        raise MedshiftError(f"{path} cannot be read as a truth table: {str(error).splitlines()[0]}") from error
    if set(table.columns) != set(COLUMNS):
        raise MedshiftError(f"{path} has columns {', '.join(table.columns)}; a truth has {', '.join(COLUMNS)}")
    if table["sample_id"].duplicated().any() or table.isna().any(axis=None):
        raise MedshiftError(f"{path} has repeated sample ids or empty cells: fetch or make it again")
    return tidy(table)
