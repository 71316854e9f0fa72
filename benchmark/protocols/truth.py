"""The truth of a protocol: label, domain, group and split of every sample. No pixels, so it can be shared."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from ...shifts.errors import MedshiftError
from ..files.atomic import replace
from ..files.bounded.child import ReadingError
from ..files.bounded.limits import MIB, Limits
from ..files.bounded.parquet import Found, Kind, Request, is_kind, read_parquet
from ..files.text import first_fault
from ..files.wording import byte_size
from .condition import Condition

COLUMNS = ("sample_id", "label", "domain", "group", "split")
LARGEST_FILE = 256 << 20  # bytes
LARGEST = 1 << 30  # bytes of its strings, once each row has its own copy: about ten million rows
MOST_ROWS = 10_000_000
# of memory to decode a file of some size: text is packed to a fortieth at best, if it names patients and images
BASE, PER_BYTE, MOST_MEMORY = 256 * MIB, 64, 1024 * MIB
PIECE = 20_000  # rows that are text at a time
HIDDEN = 1 << 16  # bytes of a file that may belong to no column
SPLITS = ("train", "val", "test", "adapt", "unused")


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Reduce a table to `COLUMNS`, sorted by sample_id, label as int64 and the rest as str."""
    text = {name: table[name].astype(str) for name in COLUMNS if name != "label"}
    tidied = pd.DataFrame({**text, "label": table["label"].astype("int64")})[list(COLUMNS)]
    return tidied.sort_values("sample_id", kind="stable").reset_index(drop=True)


def digest(table: pd.DataFrame) -> str:
    """Hash the content of a tidy truth, independent of file format and library versions."""
    tidied, found = tidy(table), hashlib.sha256()
    for start in range(0, max(len(tidied), 1), PIECE):
        piece = tidied[start : start + PIECE]
        found.update(piece.to_csv(index=False, header=not start, lineterminator="\n").encode())
    return found.hexdigest()


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a truth as Parquet, atomically."""
    with replace(path) as temporary:
        tidy(table).to_parquet(temporary, index=False, compression="zstd")


def read(path: Path) -> pd.DataFrame:
    """Read a tidy truth. Like predictions, it is untrusted: it is decoded in a child with bounded memory.

    Raises:
        MedshiftError: The file is missing, damaged, absurdly large, or not a truth.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read as a truth table: {error.strerror or error}") from error
    if size > LARGEST_FILE:
        raise MedshiftError(f"{path} is larger than {LARGEST_FILE >> 20} MiB, the limit for a truth")
    kinds: dict[str, Kind] = {name: "integer" if name == "label" else "text" for name in COLUMNS}
    memory = min(MOST_MEMORY, BASE + PER_BYTE * size)
    bounds = Limits(memory=memory, seconds=20 + size / MIB, output=memory)
    try:
        found = read_parquet(Request(str(path), kinds, MOST_ROWS, ordered=False, cast=True), bounds)
    except ReadingError as error:
        if error.exceeds:
            raise MedshiftError(f"{path} {error}; refused") from error
        raise MedshiftError(f"{path} cannot be read as a truth table: {error}"[:400]) from error
    wrong = _wrong(found)
    if wrong:
        raise MedshiftError(f"{path} {wrong}")
    text = {name: column.values for name, column in found.columns.items() if name != "label"}
    taken = {name: np.array(values, dtype=object)[found.columns[name].codes] for name, values in text.items()}
    truth = tidy(pd.DataFrame({**taken, "label": found.columns["label"]}))
    if truth["sample_id"].duplicated().any():
        raise MedshiftError(f"{path} has repeated sample ids: fetch or make it again")
    return truth


def _wrong(found: Found) -> str:
    """Return what is wrong with the columns of a file; empty if nothing is."""
    if sorted(found.kinds) != sorted(COLUMNS):
        return f"has columns {', '.join(found.kinds)[:200]}; a truth has {', '.join(COLUMNS)}"
    if not is_kind(found.kinds["label"], "integer"):
        return f"has labels of type {found.kinds['label']}, not int64"
    if found.rows > MOST_ROWS:
        return f"has {found.rows:,} rows; at most {MOST_ROWS:,} are read"
    if found.hidden > HIDDEN:
        return f"holds {byte_size(found.hidden)} that belong to no column: fetch or make it again"
    if found.empty:
        return "has empty cells: fetch or make it again"
    texts = {name: column for name, column in found.columns.items() if name != "label"}
    size = sum(int(np.array(list(map(len, each.values)), np.int64)[each.codes].sum()) for each in texts.values())
    if size > LARGEST:
        return f"decompresses to {size >> 20} MiB; refused"
    # ids are told in quotes, which show what they hold; domains are printed as they are
    faults = {name: why for name in ("domain", "split") if (why := first_fault(texts[name].values))}
    return next((f"holds in column {name} {why}" for name, why in faults.items()), "")


def truth_of(truth: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """Return the rows of a tidy truth under a condition, sorted by sample id, with their index."""
    return truth[truth["domain"].isin(condition.domains) & (truth["split"] == condition.split)]
