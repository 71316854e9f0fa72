"""The extra columns of a table, each reduced to a few levels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OWN = ("sample_id", "label", "domain", "group", "split", "row")  # columns of the benchmark itself
LEVELS = 20  # a column with at most this many values is used unchanged
KEPT = 12  # most frequent values kept of a column with more, if they cover at least half of the images
BINS = 5  # ranges that numbers are binned into
SIZE = re.compile(r"\s*(\d{1,6})\s*[xX×*,]\s*(\d{1,6})\s*")
NUMBER = "number in the group's name"
OTHER = "(other)"


@dataclass(frozen=True, eq=False)
class Column:
    """A column with few levels.

    Args:
        name: Name in the table.
        levels: Names of the levels, in order.
        codes: (N,) level of each image; -1 where it has no value.
        numeric: Whether levels are ranges of numbers with about equally many images each.
    """

    name: str
    levels: list[str]
    codes: NDArray[np.int64]
    numeric: bool = False


def columns(table: pd.DataFrame) -> list[Column]:
    """Reduce the extra columns of a table to few levels.

    Numbers are binned into five ranges. Of a column with more than 20 values the 12 most frequent are kept and the
    others merged into one; if those 12 cover less than half of the images, the column is an identifier and is left out.
    """
    reduced = [_column(str(name), table[name]) for name in table.columns if name not in OWN]
    return [column for column in reduced if column is not None]


def numbers(table: pd.DataFrame) -> Column | None:
    """Bin the last number in each group's name into five ranges: patients are numbered in order of arrival.

    None if more than a tenth of the images have no such number, or there are too few different ones.
    """
    digits = table["group"].astype(str).str.extract(r"(\d+)\D*$")[0]
    return _binned(NUMBER, digits.astype(float)) if digits.notna().mean() >= 0.9 else None


def sizes(table: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return (N, 2) numbers of the first column that holds sizes such as `2500x2048`, 0 where it is empty."""
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
