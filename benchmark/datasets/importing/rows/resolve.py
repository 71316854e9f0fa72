"""Domains, groups and classes of the images, and the table of the data set."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError
from ...dataset import COLUMNS
from ...shared_groups import groups_per_domain
from ..formats.dicom.header import TAGS, pseudonyms
from ..formats.reader import OWN, Reader
from ..labels.choose import ordered
from ..labels.look_alikes import groups_alike, groups_rounded, sites_alike
from ..notes import GraveNote
from ..options import Options
from ..problems import Problems
from .candidates import candidates

MOST_CLASSES = 1000  # in a data set and its protocol


def resolve_rows(reader: Reader, options: Options, problems: Problems, notes: list[str], what: Path) -> pd.DataFrame:
    """Fill in the domain, the group and the sample id of each row."""
    rows = reader.rows.copy()
    if "sample_id" not in rows:
        rows["sample_id"] = rows["file"]
    known = (rows["domain"] != "").any()
    if not known and options.domain_from in rows and options.domain_from in TAGS:
        rows["domain"] = rows[options.domain_from]
        for name, line in zip(rows["file"][rows["domain"] == ""], rows["line"][rows["domain"] == ""], strict=True):
            problems.add(f"{name}: lacks {options.domain_from} (--domain-from)", line)
        problems.check_names(options.domain_from, rows["domain"], rows["line"])
    elif not known and options.domain_from in TAGS:
        raise MedshiftError(f"{what}: only DICOM has the tag {options.domain_from}")
    elif not known:
        offered = [name for name in (*TAGS, "folder") if name in rows]
        raise MedshiftError(
            f"{what}: the site or scanner of each image is not known; choose with --domain-from."
            f"{candidates(rows[offered])}"
        )
    if options.group_pattern:
        if (rows["group"] != "").any():
            notes.append("groups come from --group-pattern, not from the manifest")
        rows["group"] = groups_by_pattern(rows, options.group_pattern, problems)
        if reader.private:
            notes += groups_alike(rows["group"])
            hidden = pseudonyms(rows["group"], "g-")
            rows["group"] = rows["group"].map(hidden)
    elif not (rows["group"] != "").any():
        rows["group"] = rows["file"]
        notes.append(
            GraveNote(
                "EACH IMAGE IS ITS OWN GROUP: if a patient has several, training and test data leak into each other; "
                "name the patient with --group-pattern or a column split_group"
            )
        )
    notes += sites_alike(rows["domain"])
    if not reader.private:  # groups that are made of patients' names were looked at before
        notes += [*groups_alike(rows["group"]), *groups_rounded(rows["group"])]
    return rows


def groups_by_pattern(rows: pd.DataFrame, pattern: str, problems: Problems) -> list[str]:
    """Find the group of each row in its path; paths without one are problems."""
    finder, groups = re.compile(pattern), []
    for name, line in zip(rows["file"], rows["line"], strict=True):
        match = finder.search(name)
        found = "" if match is None else (match[1 if finder.groups else 0] or "").strip()
        if not found:
            how = "does not match" if match is None else "matches, but finds no group"
            problems.add(f"{name}: --group-pattern {how}", line)
        groups.append(found)
    return groups


def class_names(
    rows: pd.DataFrame, options: Options, problems: Problems, unread: pd.DataFrame | None = None
) -> tuple[str, ...]:
    """Return the names of the classes; report if there are too few, or a class has one image only.

    Args:
        rows: Columns label and line of the images whose headers could be read.
        options: Say which classes are wanted.
        problems: Collects what is wrong.
        unread: The same columns of all other files, which are problems of their own: their classes lack no images.
    """
    if unread is not None and len(unread):
        each = max(1, options.slices)  # rows that a file would have become
        rows = pd.concat([rows[["label", "line"]], unread.loc[unread.index.repeat(each), ["label", "line"]]])
    counts = rows["label"][rows["label"].str.strip() != ""].value_counts().sort_index()
    try:
        counts = counts.reindex(list(ordered(counts.index, options)))
    except MedshiftError as error:  # all images of a class are damaged
        problems.add(str(error))
    if len(counts) > MOST_CLASSES:
        problems.add(f"{len(counts):,} different labels, at most {MOST_CLASSES:,} are supported (--label-column)")
    if len(counts) < 2:
        problems.add(f"every label is {counts.index[0]!r}; two classes are needed" if len(counts) else "no labels")
    _report_lonely(rows, counts, problems)
    return tuple(str(name) for name in counts.index)


def _report_lonely(rows: pd.DataFrame, counts: pd.Series[int], problems: Problems) -> None:
    """Add the classes of one image; where most are so, one problem for all: their names are not those of classes."""
    lonely = [str(name) for name, count in counts.items() if count == 1]
    if len(lonely) > 2 and 2 * len(lonely) > len(counts):
        shown = f"{lonely[0]!r} to {lonely[-1]!r}"
        if (rows["line"] == 0).all():
            how = f"{len(lonely):,} folders with one image each ({shown}): patients? The class comes from"
            problems.add(f"{how} --label-column, the keyword of a DICOM tag, or from a manifest")
        else:
            how = f"{len(lonely):,} labels with one image each ({shown}): patients or images?"
            problems.add(f"{how} The class comes from --label-column")
        return
    for name in lonely:
        line = int(rows["line"][rows["label"] == name].iloc[0])
        problems.add(f"class {name!r} has one image: add more, or leave it out with --classes", line, "lone class")


def sample_table(rows: pd.DataFrame, classes: tuple[str, ...], options: Options) -> pd.DataFrame:
    """Return the table of the data set: the columns of `Dataset`, then all others as text."""
    numbers = {name: index for index, name in enumerate(classes)}
    further = [name for name in rows if name not in (*OWN, *COLUMNS)]
    table = pd.DataFrame(
        {
            "sample_id": rows["sample_id"],
            "label": rows["label"].map(numbers).fillna(-1).astype("int64"),
            "domain": rows["domain"],
            "group": rows["group"],
            **({"split": rows["split"]} if "split" in rows else {}),
            **{str(name): rows[name].astype(str) for name in further},
        }
    ).reset_index(drop=True)
    return groups_per_domain(table) if options.groups_per_domain else table
