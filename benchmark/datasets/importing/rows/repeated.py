"""Images that are listed several times."""

from __future__ import annotations

import pandas as pd

from ..options import Options
from ..problems import Problems

MUST_AGREE = ("label", "domain", "group", "split")


def merge_repeated(rows: pd.DataFrame, options: Options, problems: Problems, notes: list[str]) -> pd.DataFrame:
    """Return the rows with each image once; rows that contradict one another are a problem, whatever the options.

    Args:
        rows: Columns file, line, label, domain, group, perhaps split, and `real`, the path with links resolved.
        options: Say whether rows are merged.
        problems: Collects images that are listed several times and must not be.
        notes: Get how many rows were merged.
    """
    again = rows["real"].duplicated(keep=False) & (rows["real"] != "")
    if not again.any():
        return rows
    findings = bool(options.label_contains) and options.merge_rows  # one row per finding
    if findings:
        held = rows["real"].isin(rows["real"][again & (rows["label"] == options.label_contains)])
        rows = rows.assign(label=rows["label"].where(~(held & again), options.label_contains))
    repeated = rows[again]
    unlike = {name: _disagreeing(repeated, name) for name in MUST_AGREE if name in repeated}
    for name, images in unlike.items():
        for real, same in repeated[repeated["real"].isin(images)].groupby("real", sort=False):
            if not any(real in earlier for earlier in list(unlike.values())[: list(unlike).index(name)]):
                problems.add(*_contradiction(same, name, options))
    plain = repeated[~repeated["real"].isin(set().union(*unlike.values()))]
    further = plain["real"].duplicated()
    if options.merge_rows:
        if further.any():
            what = "rows of images with several, a finding each" if findings else "rows that list an image again"
            notes.append(f"merged {further.sum():,} {what} (--merge-rows)")
        return rows[~(rows["real"].duplicated() & again)]
    first = plain.groupby("real")["line"].transform("first")
    for name, line, before in zip(plain["file"][further], plain["line"][further], first[further], strict=True):
        text = f"{name}: listed twice, first in line {before}, with the same values (--merge-rows keeps one row)"
        problems.add(text, line)
    return rows


def _disagreeing(rows: pd.DataFrame, column: str) -> set[str]:
    """Return the images whose rows hold different values; empty cells, which are told elsewhere, do not count."""
    counts = rows[rows[column] != ""].groupby("real")[column].nunique()
    return set(counts.index[counts > 1])


def _contradiction(same: pd.DataFrame, column: str, options: Options) -> tuple[str, int, str]:
    """Return the problem of an image whose rows differ in a column: text, line and kind."""
    firsts = same.drop_duplicates(column).sort_values(column, kind="stable")
    values = " and ".join(f"`{value}`" for value in firsts[column])
    lines = ", ".join(str(line) for line in sorted(firsts["line"]))
    noun = column if column != "group" else "split group"
    way = "--merge-rows takes an image as having it if one row has" if options.label_contains else "correct the table"
    text = f"{same['file'].iloc[0]}: listed with {noun} {values}, in lines {lines}: {way}"
    return text, int(same["line"].iloc[-1]), f"rows differ in {column} {values}"
