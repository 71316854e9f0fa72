"""Which columns of a manifest hold file, label, domain, group and split."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError, near
from ..formats.dicom.header import TAGS
from ..formats.sniff import by_name
from ..labels.spellings import visible
from ..options import Options
from .candidates import candidates

FLAGS = {"0", "1", "0.0", "1.0", "-1", "-1.0", "", "True", "False", "true", "false", "TRUE", "FALSE"}
SHOWN = 12  # columns


def choose_columns(read: pd.DataFrame, path: Path, options: Options, notes: list[str]) -> dict[str, str]:
    """Return which columns hold file, label and, where there are any, group, domain and split.

    A column that differs from the name that is sought in case, outer spaces or Unicode form only is taken if there is
    one, with a note.

    Raises:
        MedshiftError: One that is needed is missing.
    """
    sought = {
        "file": options.image_column,
        "label": options.label_column or "label",
        "group": options.group_column or "split_group",
    }
    domain = options.domain_from or "domain"
    columns = {role: _like(name, read) for role, name in sought.items()}
    if not options.group_column and columns["group"] not in read:
        del columns["group"]
    missing = {
        f"--{'image' if role == 'file' else role}-column": name for role, name in columns.items() if name not in read
    }
    if missing:
        names, first = " or ".join(map(repr, missing.values())), next(iter(missing.values()))
        flags = one_hot(read) if "--label-column" in missing else ""
        if any(map(by_name, map(str, read))):
            raise MedshiftError(
                f"{path}: the first line, {','.join(map(str, read))}, holds the name of a file: put the names of the "
                f"columns, e.g. {','.join([*sought.values(), domain])}, above it"
            )
        raise MedshiftError(
            f"{path} has no column {names}; its columns are {', '.join(map(str, read))}. Rename them, or name "
            f"them with {', '.join(missing)}.{near(first, read.columns)}{flags}"
        )
    if _like(domain, read) in read:
        columns["domain"] = _like(domain, read)
    elif domain not in TAGS:
        raise MedshiftError(
            f"{path} has no column {domain!r} for the site or scanner of an image: name one with "
            f"--domain-from.{near(domain, read.columns)}{candidates(read.drop(columns=list(columns.values())))}"
        )
    if "split" in read and not options.ignore_split:
        columns["split"] = "split"
    for role, name in {**sought, "domain": domain}.items():
        if columns.get(role, name) != name:
            notes.append(f"column {columns[role]!r} is read as {name!r}")
    return columns


def one_hot(read: pd.DataFrame) -> str:
    """List the columns that hold 0 and 1, as one per finding does; empty if there are fewer than two."""
    found = [str(name) for name in read if set(values := read[name].unique()) <= FLAGS and len(values) > 1]
    if len(found) < 2:
        return ""
    more = f", ... {len(found)} in all" if len(found) > SHOWN else ""
    return f" One column per finding? {', '.join(found[:SHOWN])}{more} hold 0 and 1: --label-column takes one of them."


def _like(name: str, read: pd.DataFrame) -> str:
    """Return the one column named so up to case, outer spaces and Unicode form; the name if there is none."""
    if name in read:
        return name
    found = [column for column in map(str, read) if _plain(column) == _plain(name)]
    return found[0] if len(found) == 1 else name


def _plain(name: str) -> str:
    return visible(name).strip().casefold()
