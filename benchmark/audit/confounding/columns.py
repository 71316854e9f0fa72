"""The further columns of a table as a few levels each: what may go with the label or the domain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OWN = ("sample_id", "label", "domain", "group", "split", "row")
LEVELS = 20  # a column with so many values is taken as it is
KEPT = 12  # of one with more, the most frequent values, if they are at least half of the images
BINS = 5  # of numbers
SIZE = re.compile(r"\s*(\d{1,6})\s*[xX×*,]\s*(\d{1,6})\s*")
NUMBER = "number in the group's name"
OTHER = "(other)"


@dataclass(frozen=True, eq=False)
class Column:
    """A column with few levels.

    Args:
        name: As in the table.
        levels: Their names, in order.
        codes: (N,) level of each image; -1 where it has no value.
        numeric: Whether levels are ranges of numbers, each with about as many images.
    """

    name: str
    levels: list[str]
    codes: NDArray[np.int64]
    numeric: bool = False


def columns(table: pd.DataFrame) -> list[Column]:
    """Returns the further columns of a table that have few levels.

    Numbers become five ranges. Of a column with more than 20 values the 12 most frequent stay and the others become
    one, unless those are fewer than half of the images: then it names images rather than sorts them, and is left out.
    """
    found = [_column(str(name), table[name]) for name in table.columns if name not in OWN]
    return [column for column in found if column is not None]


def numbers(table: pd.DataFrame) -> Column | None:
    """Returns the last number in each group's name, in five ranges: patients are numbered as they come.

    None where a tenth of the groups or more have none, or all are the same.
    """
    digits = table["group"].astype(str).str.extract(r"(\d+)\D*$")[0]
    return _binned(NUMBER, digits.astype(float)) if digits.notna().mean() >= 0.9 else None


def sizes(table: pd.DataFrame) -> NDArray[np.float64] | None:
    """Returns the two numbers of the first column that holds sizes as in `2500x2048`, (N, 2), 0 where it is empty."""
    for name in table.columns:
        if name not in OWN:
            text = table[name].fillna("").astype(str)
            held = text[text.str.strip() != ""]
            if len(held) and held.map(lambda value: bool(SIZE.fullmatch(value))).all():
                pairs = text.str.extract(SIZE).astype(float).fillna(0)
                return pairs.to_numpy(dtype=np.float64)
    return None


def _column(name: str, values: pd.Series[str]) -> Column | None:
    text = values.fillna("").astype(str).str.strip()
    held = text[text != ""]
    frequent = held.value_counts()
    if len(frequent) < 2:
        return None
    if len(frequent) > LEVELS:
        numbers = pd.to_numeric(held, errors="coerce")
        if numbers.notna().mean() >= 0.9:
            return _binned(name, pd.to_numeric(text, errors="coerce"))
        if frequent.iloc[:KEPT].sum() < 0.5 * len(held):
            return None
        text = text.where(text.isin(frequent.index[:KEPT]) | (text == ""), OTHER)
    levels = sorted(set(text) - {""})
    codes = text.map({level: code for code, level in enumerate(levels)}).fillna(-1)
    return Column(name, levels, codes.to_numpy().astype(np.int64))


def _binned(name: str, numbers: pd.Series[float]) -> Column | None:
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, BINS + 1), method="nearest"))
    if len(edges) < 3:
        return None
    codes = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    levels = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return Column(name, levels, np.where(numbers.isna(), -1, codes).astype(np.int64), numeric=True)
