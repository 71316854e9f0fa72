"""Rows of a manifest: the label, domain and group of each image."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError, near
from ... import split_names
from ...dataset import COLUMNS
from ..formats.dicom.header import TAGS
from ..formats.reader import OWN
from ..options import Options
from ..problems import Problems
from .candidates import candidates
from .paths import ContainedPaths
from .table import read_table


def from_manifest(root: Path, path: Path, options: Options, problems: Problems) -> pd.DataFrame:
    """Read the rows of a manifest.

    Args:
        root: Folder that its paths are relative to.
        path: The manifest.
        options: Names of its columns, and the classes to keep.
        problems: Collects what is wrong with cells.

    Returns:
        Columns file, line, label, domain and group (empty where not known yet), perhaps split, and all others as text.

    Raises:
        MedshiftError: It is not a table, or lacks a column that is needed.
    """
    read = read_table(path)
    columns = _columns(read, path, options)
    if not len(read):
        raise MedshiftError(f"{path} lists no images")
    rows = pd.DataFrame({name: read[column] for name, column in columns.items()})
    rows.insert(1, "line", read.index)
    for name in ("domain", "group"):
        if name not in rows:
            rows[name] = ""
    for name in map(str, read):
        if name not in columns.values():
            rows[f"manifest_{name}" if name in (*OWN, *COLUMNS) else name] = read[name]
    if options.classes:
        present = sorted(rows["label"].unique())
        for name in options.classes:
            if name not in present:
                raise MedshiftError(f"{path} has no label {name!r}.{near(name, present)}")
        rows = rows[rows["label"].isin(options.classes)]
    _check(rows, columns, root, problems)
    return rows.reset_index(drop=True)


def _columns(read: pd.DataFrame, path: Path, options: Options) -> dict[str, str]:
    """Return which columns hold file, label and, where there are any, group, domain and split."""
    columns = {
        "file": options.image_column,
        "label": options.label_column or "label",
        "group": options.group_column or "split_group",
    }
    if not options.group_column and columns["group"] not in read:
        del columns["group"]
    missing = {
        f"--{'image' if role == 'file' else role}-column": name for role, name in columns.items() if name not in read
    }
    if missing:
        names, first = " or ".join(map(repr, missing.values())), next(iter(missing.values()))
        raise MedshiftError(
            f"{path} has no column {names}; its columns are {', '.join(map(str, read))}. Rename them, or use"
            f" `medshift data add` {', '.join(missing)}.{near(first, read.columns)}"
        )
    domain = options.domain_from or "domain"
    if domain in read:
        columns["domain"] = domain
    elif domain not in TAGS:
        raise MedshiftError(
            f"{path} has no column {domain!r} for the site or scanner of an image: name one with `medshift data add "
            f"--domain-from`.{near(domain, read.columns)}{candidates(read.drop(columns=list(columns.values())))}"
        )
    if "split" in read and not options.ignore_split:
        columns["split"] = "split"
    return columns


def _check(rows: pd.DataFrame, columns: dict[str, str], root: Path, problems: Problems) -> None:
    """Add what is wrong with the cells; a file that must not be opened gets an empty name."""
    for name, column in columns.items():
        cells, lines = rows[name], rows["line"]
        for line in lines[cells.str.strip() == ""]:
            problems.add(f"empty {column}" + (f" ({split_names.WAY_ON})" if name == "split" else ""), line)
        stray = (cells != cells.str.strip()) & (cells.str.strip() != "")
        for line, value in zip(lines[stray], cells[stray], strict=True):
            problems.add(f"{column} {value!r} has spaces around it", line)
    seen: dict[str, int] = {}
    inside = ContainedPaths(root)
    for index, name, line in zip(rows.index, rows["file"].tolist(), rows["line"], strict=True):
        real = inside.real(name)
        if real is None:
            problems.add(f"{name} leads out of the folder", line)
            rows.loc[index, "file"] = ""
            continue
        first = seen.setdefault(real, line)
        if first != line and name.strip():
            problems.add(f"{name} is listed twice, first in line {first}", line)
