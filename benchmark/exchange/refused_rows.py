"""Rows of a table of predictions that stand for images which the model refused."""

from __future__ import annotations

import pandas as pd

from ..files.wording import plural
from ..submissions.predictions import KEYS
from .delimited import plain

NAMES = ("rejected", "refused")  # of the column that marks them
YES = ("true", "1", "1.0", "yes", "y", "t")
NO = ("false", "0", "0.0", "no", "n", "f", "", "nan", "none")


def take_marks(table: pd.DataFrame, *, rejections: bool) -> tuple[pd.DataFrame, pd.Series | None, list[str]]:
    """Take the column that marks refused images out of a table.

    Args:
        table: As it was read.
        rejections: Whether the model may refuse images.

    Returns:
        The table without the column; which rows are marked, None if there is no such column; and problems.
    """
    named = [name for name in table.columns if plain(name) in NAMES]
    if not named:
        return table, None, []
    if not rejections:
        return table, None, [f"column {named[0]} marks images that the model refused: give --rejections"]
    text = table[named[0]].astype(str).str.strip().str.lower()
    other = text[~text.isin([*YES, *NO])]
    found = (
        [f"column {named[0]} has {plural(len(other), 'cell')} other than true or false, e.g. {other.iloc[0][:40]!r}"]
        if len(other)
        else []
    )
    return table.drop(columns=named), text.isin(YES), found


def refuse_marked(table: pd.DataFrame, marked: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """Empty the probabilities of marked rows; rows that are empty and not marked are a problem."""
    values = [name for name in table.columns if name not in KEYS]
    empty = table[values].isna().all(axis=1) & ~marked
    if empty.any():
        first = table["sample_id"][empty].iloc[0]
        return table, [
            f"{plural(int(empty.sum()), 'row')} without probabilities, not marked as rejected, e.g. {str(first)!r}"
        ]
    table.loc[marked, values] = float("nan")
    return table, []
