"""From a manifest to rows: which image has which label, domain and group."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ....shifts.errors import MedshiftError, near
from ..dataset import COLUMNS
from .domain_candidates import candidates
from .formats.dicom_header import TAGS
from .formats.reader import OWN
from .manifest_table import read_table
from .options import Options
from .paths import ContainedPaths
from .problems import Problems


def from_manifest(root: Path, path: Path, options: Options, problems: Problems) -> pd.DataFrame:
    """Returns the rows of a manifest: file, line, label, domain, group (empty where it is not known yet), and text.

    Args:
        root: Paths in the manifest are below it.
        path: The manifest.
        options: Say which columns are meant.
        problems: Gets what is wrong with cells.

    Raises:
        MedshiftError: It is no table, or lacks a column that is needed.
    """
    read = read_table(path)
    columns = {"file": options.image_column, "label": options.label_column or "label"}
    for option, name in (("--image-column", columns["file"]), ("--label-column", columns["label"])):
        if name not in read:
            raise MedshiftError(f"{path} has no column {name!r} ({option}).{near(name, read.columns)}")
    group = options.group_column or "split_group"
    if group in read:
        columns["group"] = group
    elif options.group_column:
        raise MedshiftError(f"{path} has no column {group!r} (--group-column).{near(group, read.columns)}")
    domain = options.domain_from or "domain"
    if domain in read:
        columns["domain"] = domain
    elif domain not in TAGS:
        raise MedshiftError(
            f"{path} has no column {domain!r} that says which site or scanner an image is from: name one with "
            f"--domain-from.{near(domain, read.columns)}{candidates(read.drop(columns=list(columns.values())))}"
        )
    if "split" in read:
        columns["split"] = "split"
    if not len(read):
        raise MedshiftError(f"{path} lists no images")
    rows = pd.DataFrame({name: read[column] for name, column in columns.items()})
    rows.insert(1, "line", read.index)
    for name in ("domain", "group"):
        if name not in rows:
            rows[name] = ""
    for name in map(str, read):
        if name not in (columns["file"], columns["label"], columns.get("group"), "split", columns.get("domain")):
            rows[f"manifest_{name}" if name in (*OWN, *COLUMNS) else name] = read[name]
    if options.classes:
        _known(options.classes, rows, path)
        rows = rows[rows["label"].isin(options.classes)]
    _check(rows, list(columns), root, problems)
    return rows.reset_index(drop=True)


def _known(classes: tuple[str, ...], rows: pd.DataFrame, path: Path) -> None:
    present = sorted(rows["label"].unique())
    for name in classes:
        if name not in present:
            raise MedshiftError(f"{path} has no label {name!r}.{near(name, present)}")


def _check(rows: pd.DataFrame, given: list[str], root: Path, problems: Problems) -> None:
    """Adds what is wrong with the cells; a file that must not be opened gets an empty name."""
    for name in given:
        cells, lines = rows[name], rows["line"]
        what = {"file": "image"}.get(name, name)
        for line in lines[cells.str.strip() == ""]:
            problems.add(f"empty {what}", line)
        stray = (cells != cells.str.strip()) & (cells.str.strip() != "")
        for line, value in zip(lines[stray], cells[stray], strict=True):
            problems.add(f"{what} {value!r} has spaces around it", line)
    seen: dict[str, int] = {}
    inside = ContainedPaths(root)
    for index, name, line in zip(rows.index, rows["file"], rows["line"], strict=True):
        real = inside.real(name)
        if real is None:
            problems.add(f"{name} leads out of the folder", line)
            rows.loc[index, "file"] = ""
            continue
        first = seen.setdefault(real, line)
        if first != line and name.strip():
            problems.add(f"{name} a second time, first in line {first}", line)
