"""Rows of a manifest: the label, domain and group of each image."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError
from ....files import text
from ....files.wording import plural
from ... import split_names
from ...dataset import COLUMNS
from ..formats.pointers import missing
from ..formats.reader import OWN
from ..labels.choose import choose_labels
from ..labels.spellings import alike, means_missing
from ..notes import GraveNote
from ..options import Options
from ..problems import Problems
from .columns import choose_columns
from .names import find_files
from .paths import ContainedPaths
from .repeated import merge_repeated
from .table import read_table


def from_manifest(root: Path, path: Path, options: Options, problems: Problems, notes: list[str]) -> pd.DataFrame:
    """Read the rows of a manifest.

    Args:
        root: Folder that its paths are relative to.
        path: The manifest.
        options: Names of its columns, and the classes to keep.
        problems: Collects what is wrong with cells.
        notes: Get what was read otherwise than it stands there.

    Returns:
        Columns file, line, label, domain and group (empty where not known yet), perhaps split, and all others as text.

    Raises:
        MedshiftError: It is not a table, lacks a column that is needed, or an option names what it does not hold.
    """
    asked = (options.image_column, options.label_column or "label", options.group_column, options.domain_from)
    read = read_table(path, asked[:2], notes, [name for name in asked[2:] if name])
    columns = choose_columns(read, path, options, notes)
    if not len(read):
        raise MedshiftError(f"{path} lists no images")
    rows = pd.DataFrame({name: read[column] for name, column in columns.items()})
    rows.insert(1, "line", read.index)
    for name in ("domain", "group"):
        if name not in rows:
            rows[name] = ""
    made = (*OWN, *COLUMNS, "real", "row", *(["slice"] if options.slices else []))  # here or by a reader
    for name in map(str, read):
        if name not in columns.values():
            rows[_free(name, made, read)] = read[name]
    other_mark = read.attrs.get("separator", ",") != ","
    rows = choose_labels(rows, columns["label"], options, problems, notes, decimal_comma=other_mark)
    _check(rows, columns, problems, notes)
    rows = _locate_files(root, rows.reset_index(drop=True), options, problems, notes)
    return merge_repeated(rows, options, problems, notes).drop(columns="real").reset_index(drop=True)


def _free(name: str, made: Collection[str], read: pd.DataFrame) -> str:
    """Return the name under which a further column is kept: `manifest_NAME` where a column of that name is made."""
    kept = name
    while kept in made or (kept != name and kept in read):
        kept = f"manifest_{kept}"
    return kept


def _check(rows: pd.DataFrame, columns: dict[str, str], problems: Problems, notes: list[str]) -> None:
    """Add what is wrong with the cells."""
    for name, column in columns.items():
        cells, lines = rows[name], rows["line"]
        way = " (--drop-label '' leaves these images out)" if name == "label" else ""
        for line in lines[cells.str.strip() == ""]:
            of_split = f" ({split_names.WAY_ON})" if name == "split" else ""
            problems.add(f"empty {column}{way}{of_split}", line)
        stray = (cells != cells.str.strip()) & (cells.str.strip() != "")
        for line, value in zip(lines[stray], cells[stray], strict=True):
            problems.add(f"{column} {value!r} has spaces around it", line, f"{name} has spaces")
        elsewhere = {label for names in alike(cells.unique()) for label in names} if name == "label" else ()
        for value in cells.unique() if name in ("label", "domain") else ():
            if value not in elsewhere and (why := text.fault(value, text.LONGEST_NAME)):
                problems.add(f"{column} {text.visible(value, 80)!r} {why}", int(lines[cells == value].iloc[0]))
        if name in ("domain", "group"):
            counts = cells.value_counts()
            for value in sorted(value for value in counts.index if means_missing(value, counts.index)):
                what = "one group, that is as one patient" if name == "group" else "a domain"
                notes.append(GraveNote(f"{column} `{value}` of {counts[value]:,} images counts as {what}; missing?"))


def _locate_files(
    root: Path, rows: pd.DataFrame, options: Options, problems: Problems, notes: list[str]
) -> pd.DataFrame:
    """Return the rows with a column real, the path with links resolved; names that must not be opened are empty."""
    problems.about(rows["file"].tolist())
    rows = find_files(root, rows, problems, notes)
    inside = ContainedPaths(root, options.follow_links)
    files, reals = [inside.relative(name) for name in rows["file"]], []
    moved = sum(one != other for one, other in zip(files, rows["file"], strict=True))
    if moved:  # samples are named after them, in any place that the folder is moved to
        notes.append(f"{plural(moved, 'absolute path')} read relative to the folder")
    for index, (name, line) in enumerate(zip(files, rows["line"].tolist(), strict=True)):
        real = inside.real(name) if name.strip() else ""
        if real is None:
            there = os.path.lexists(root / name) if "\0" not in name else False
            gone = missing(root / name) if there and not (root / name).exists() else ""
            problems.add(f"{name}: {gone or inside.refusal(name)}", line)
            files[index] = ""
        reals.append(real or "")
    return rows.assign(file=files, real=reals)
