"""Labels as written become classes: missing ones, several in a cell and several spellings of one are told."""

from __future__ import annotations

import shlex
from collections.abc import Collection

import numpy as np
import pandas as pd

from ....files.wording import plural
from ..notes import GraveNote
from ..options import Options
from ..problems import Problems
from .findings import beside, holding, joined_by, with_and_without, without
from .spellings import (
    NO_FINDING,
    NUMBER,
    alike,
    canonical,
    may_mean_missing,
    means_missing,
    pick_labels,
    plain_among,
    plain_label,
    uncertain,
    visible,
)

SHOWN = 5  # labels


def choose_labels(
    rows: pd.DataFrame,
    column: str,
    options: Options,
    problems: Problems,
    notes: list[str],
    *,
    decimal_comma: bool = False,
) -> pd.DataFrame:
    """Return the rows whose label is wanted, with their labels written alike.

    Args:
        rows: Columns label, line and perhaps domain.
        column: Where the labels come from, for messages.
        options: Say which labels are wanted.
        problems: Collects labels that leave their meaning open.
        notes: Get what is left out.
        decimal_comma: Whether labels such as `1,0` may be numbers, as the table's separator is not a comma.

    Raises:
        MedshiftError: An option names a label that there is not.
    """
    rows = rows.assign(label=canonical(rows["label"], decimal_comma=decimal_comma and not options.label_contains))
    if not options.label_contains:
        rows["label"] = rows["label"].replace(NO_FINDING, "")  # no class
    noun = "row" if rows["file"].duplicated().any() else "image"  # of several rows, others may stay
    if options.drop_labels:
        dropped = pick_labels(options.drop_labels, rows["label"].unique())
        for label in dropped:
            count = plural(int((rows["label"] == label).sum()), noun)
            notes.append(f"left out {count} with label `{label}` (--drop-label)")
        rows = _left_out(rows, rows["label"].isin(dropped), "--drop-label", problems, notes)
    if options.label_contains:
        _refuse_missing(rows, (), problems, notes)
        held = holding(rows["label"], options.label_contains)
        if len(held) > 1:  # before the cells are replaced: another spelling would count as an image without the finding
            problems.add(_spelt("cells hold", rows, held, "write them alike"))
        if near := beside(rows["label"][~np.logical_or.reduce([*held.values()])], options.label_contains):
            named = ", ".join(f"`{part}` ({count:,})" for part, count in list(near.items())[:SHOWN])
            more = ", ..." if len(near) > SHOWN else ""
            told = f"these hold the word {options.label_contains} and count as `{without(options.label_contains)}`"
            notes.append(GraveNote(f"{told}: {named}{more}; if they are it, part them by | or write them alike"))
        rows = rows.assign(label=with_and_without(rows["label"], options.label_contains))
    chosen = pick_labels(options.classes, rows["label"].unique()) if options.classes else ()
    if chosen:
        others = rows["label"][~rows["label"].isin(chosen)].value_counts()
        if len(others):
            named = ", ".join(f"`{label}` ({count:,})" for label, count in others.iloc[:SHOWN].items())
            more = ", ..." if len(others) > SHOWN else ""
            notes.append(f"left out {plural(int(others.sum()), noun)} with other labels than --classes: {named}{more}")
        rows = _left_out(rows, ~rows["label"].isin(chosen), "--classes", problems, notes)
    if not options.label_contains:
        _refuse_missing(rows, chosen, problems, notes)
        _refuse_several(rows, column, chosen, problems)
    _refuse_spellings(rows, chosen, problems)
    return rows


def ordered(labels: Collection[str], options: Options) -> tuple[str, ...]:
    """Return the labels that occur, in the order of the classes.

    Raises:
        MedshiftError: `--classes` names one that does not occur.
    """
    if options.classes:
        return pick_labels(options.classes, labels)
    if options.label_contains:  # what is looked for comes second, as the positive class
        return tuple(name for name in (without(options.label_contains), options.label_contains) if name in labels)
    return tuple(sorted(labels))


def _left_out(
    rows: pd.DataFrame, left: pd.Series[bool], option: str, problems: Problems, notes: list[str]
) -> pd.DataFrame:
    """Return the rows that stay; images that lose some of their rows are told, and must not differ in anything else."""
    kept = rows[~left]
    parted = rows[rows["file"].isin(set(rows["file"][left]) & set(kept["file"]))]
    by_file = parted.groupby("file", sort=False)
    for column in [name for name in ("domain", "group") if name in parted]:
        values, lines = by_file[column].nunique(), by_file["line"].max()
        for name in values.index[values > 1]:
            problems.add(f"{name}: listed with several of {column}, one of them left out by {option}", lines[name])
    if len(parted):
        images = plural(parted["file"].nunique(), "image")
        told = f"of {images} some rows are left out by {option} and others stay, whose label counts"
        notes.append(GraveNote(f"{told} (the first: {parted['file'].iloc[0]}): if readers disagree, leave them out"))
    return kept


def _refuse_missing(rows: pd.DataFrame, chosen: Collection[str], problems: Problems, notes: list[str]) -> None:
    counts = rows["label"].value_counts()
    labels = [str(label) for label in counts.index]
    for label in sorted(labels):
        if label in chosen or not label.strip():  # empty ones are told by line
            continue
        images, drop = plural(counts[label], "image"), f"--drop-label {shlex.quote(label)}"
        doubt = "uncertain or missing" if label in uncertain(labels) else "missing"
        if doubt != "missing" or means_missing(label, labels):
            line = int(rows["line"][rows["label"] == label].iloc[0])
            problems.add(
                f"label `{label}` of {images}: {doubt}? {drop} leaves them out; if it is a class, name it in --classes",
                line,
            )
        elif may_mean_missing(label):
            told = f"label `{label}` of {images} is a class; if it means missing, {drop} leaves them out"
            notes.append(GraveNote(told))


def _refuse_several(rows: pd.DataFrame, column: str, chosen: Collection[str], problems: Problems) -> None:
    labels = set(rows["label"].unique())
    if separator := joined_by(labels - set(chosen) if chosen else labels):
        with_several = rows["label"][rows["label"].str.contains(separator, regex=False)]
        images = plural(len(with_several), "image")
        problems.add(
            f"cells of {column!r} hold several labels parted by `{separator}` ({images}, the first "
            f"`{with_several.iloc[0]}`): pick one label with --label-contains, or name combinations in --classes"
        )


def _refuse_spellings(rows: pd.DataFrame, chosen: Collection[str], problems: Problems) -> None:
    labels = rows["label"].unique()
    for group in alike(labels, plain_among(labels)):
        if not set(group) <= set(chosen):
            way = "write them alike; if both are meant as classes, name them in --classes"
            problems.add(_spelt("classes", rows, {label: rows["label"] == label for label in group}, way))


def _spelt(what: str, rows: pd.DataFrame, held: dict[str, pd.Series[bool]], way: str) -> str:
    """Describe spellings of one label, each with the rows that hold it."""
    told = []
    for label, here in held.items():
        domains = sorted({name for name in rows["domain"][here] if name}) if "domain" in rows else []
        where = f": {', '.join(domains[:SHOWN])}{', ...' if len(domains) > SHOWN else ''}" if domains else ""
        told.append(f"`{label}` ({plural(int(here.sum()), 'image')}{where})")
    return f"{what} {' and '.join(told)} {_difference(list(held))}: {way}"


def _difference(labels: list[str]) -> str:
    """Say what labels that look alike, or say the same, differ in."""
    if len({label.casefold() for label in labels}) == 1:
        return "differ in case only"
    if len({visible(label).casefold() for label in labels}) == 1:
        return "differ in characters that look alike or have no width only"
    if all(NUMBER.fullmatch(visible(label)) for label in labels):
        return "differ in leading zeros, decimals or sign of a number only"
    if len(set(map(plain_label, labels))) == 1:
        return "differ in spaces, - or _ only"
    return f"are {'two' if len(labels) == 2 else len(labels)} words for yes, or for no"
