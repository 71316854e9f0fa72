"""The extra columns of a table, each reduced to a few levels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .written import as_dates, as_numbers

OWN = ("sample_id", "label", "domain", "group", "split", "row")  # columns of the benchmark itself
LEVELS = 20  # a column with at most this many values is used unchanged
KEPT = 12  # most frequent values kept of a column with more, if they cover at least half of the images
BINS = 5  # ranges that numbers are binned into
SIZE = re.compile(r"\s*(\d{1,6})\s*[xX×*]\s*(\d{1,6})\s*")  # not with a comma: 24,5 is a number
WIDTH, HEIGHT = "original_width", "original_height"  # columns that the importer writes
FEW_SHAPES = 8  # with more aspect ratios, they are binned
SIZE_NAME, SHAPE_NAME = "size of the original", "aspect ratio of the original"
SHARED_NUMBERS = 0.01  # of the groups; with more, numbers start again somewhere and are not an order of arrival
SELDOM, MOSTLY = 0.05, 0.95  # shares of cells between which it may matter which are empty
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
        visible: Whether images themselves show it, as they do the size and shape of their originals.
    """

    name: str
    levels: list[str]
    codes: NDArray[np.int64]
    numeric: bool = False
    visible: bool = False


def columns(table: pd.DataFrame) -> list[Column]:
    """Reduce the extra columns of a table to few levels.

    Numbers are binned into five ranges. Of a column with more than 20 values the 12 most frequent are kept and the
    others merged into one; if those 12 cover less than half of the images, the column is an identifier and is left out.
    """
    ours = {WIDTH, HEIGHT} if {WIDTH, HEIGHT} <= set(table.columns) else set()
    reduced = [_column(str(name), table[name]) for name in table.columns if name not in OWN and name not in ours]
    return [column for column in [*reduced, *_of_originals(table)] if column is not None]


def numbers(table: pd.DataFrame) -> Column | None:
    """Bin the last number in each group's name into five ranges: patients are numbered in order of arrival.

    None if more than a tenth of the images have no such number, or there are too few different ones. None as well if
    groups share their numbers, as where each class has a folder whose files or patients are numbered from 1: larger
    classes then reach higher numbers, whenever their patients came.
    """
    digits = table["group"].astype(str).str.extract(r"(\d+)\D*$")[0].astype(float)
    by_group = digits.groupby(table["group"].astype(str)).first().dropna()
    if digits.notna().mean() < 0.9 or by_group.duplicated().mean() > SHARED_NUMBERS:
        return None
    return _binned(NUMBER, digits)


def given(table: pd.DataFrame) -> list[Column]:
    """Return, for each extra column that is partly empty within some domain, which cells are filled.

    A contrast agent or a finding may be noted for one class only: its values then show nothing, that there is one does.
    Numbers that some classes have throughout and others never are left out: they measure what those classes show, such
    as the place and size of a lesion.
    """
    found = []
    for name in table.columns:
        if name in OWN or name in (WIDTH, HEIGHT):
            continue
        text = _text(table[name])
        filled = text != ""
        by_label = bool((filled.groupby(table["label"]).nunique() == 1).all())
        if by_label and as_numbers(text[filled]).notna().mean() >= 0.9:
            continue
        if filled.groupby(table["domain"]).mean().between(SELDOM, MOSTLY).any():
            codes = filled.to_numpy().astype(np.int64)
            found.append(Column(f"{name} (given)", ["empty", "given"], codes))
    return found


def unexamined(table: pd.DataFrame) -> list[str]:
    """List the extra columns with several values that cannot be reduced to few levels, such as identifiers."""
    ours = {WIDTH, HEIGHT} if {WIDTH, HEIGHT} <= set(table.columns) else set()
    extra = [name for name in table.columns if name not in OWN and name not in ours]
    several = [name for name in extra if len(set(_text(table[name])) - {""}) > 1]
    return [str(name) for name in several if _column(str(name), table[name]) is None]


def sizes(table: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return (N, 2) width and height of the originals, 0 where they are not known; None if no column holds them.

    They stand in `original_width` and `original_height`, or in the first column of sizes such as `2500x2048`.
    """
    if WIDTH in table and HEIGHT in table:
        pairs = table[[WIDTH, HEIGHT]].apply(pd.to_numeric, errors="coerce").fillna(0).to_numpy(dtype=np.float64)
        return np.asarray(pairs) if (pairs > 0).all(axis=1).any() else None
    for name in table.columns:
        if name not in OWN and _holds_sizes(table[name]):
            pairs = table[name].fillna("").astype(str).str.extract(SIZE).astype(float).fillna(0)
            return pairs.to_numpy(dtype=np.float64)
    return None


def _holds_sizes(values: pd.Series[str]) -> bool:
    text = values.fillna("").astype(str).str.strip()
    held = text[text != ""].drop_duplicates()
    return bool(len(held)) and bool(held.map(lambda value: bool(SIZE.fullmatch(value))).all())


def _of_originals(table: pd.DataFrame) -> Iterator[Column | None]:
    """Yield the size, if it stands in two columns, and the aspect ratio of the originals."""
    pairs = sizes(table)
    if pairs is None:
        return
    known = pd.Series((pairs > 0).all(axis=1))
    width, height = np.where(known, pairs.T, 1)
    if WIDTH in table and HEIGHT in table:
        text = pd.Series([f"{w:.0f}x{h:.0f}" for w, h in zip(width, height, strict=True)]).where(known, "")
        few = text.nunique() <= LEVELS
        side = pd.Series(np.sqrt(width * height).round()).where(known)
        yield _visible(_column(SIZE_NAME, text) if few else _binned(f"{SIZE_NAME} (side in pixels)", side))
    ratio = pd.Series((width / height).round(1)).where(known)
    shape = ratio.map(lambda value: "" if np.isnan(value) else f"{value:.1f}")
    yield _visible(_column(SHAPE_NAME, shape) if shape.nunique() <= FEW_SHAPES else _binned(SHAPE_NAME, ratio))


def _visible(column: Column | None) -> Column | None:
    return None if column is None else replace(column, visible=True)


def _text(values: pd.Series[str]) -> pd.Series[str]:
    return values.fillna("").astype(str).str.strip()


def _column(name: str, values: pd.Series[str]) -> Column | None:
    text = _text(values)
    held = text[text != ""]
    frequent = held.value_counts()
    if len(frequent) < 2:
        return None
    if len(frequent) > LEVELS:
        numbers = as_numbers(text)
        if numbers[held.index].notna().mean() >= 0.9:
            return _binned(name, numbers)
        dates = as_dates(text)
        if (dates[held.index] != "").mean() >= 0.9:
            months, years = (dates.str[:length] for length in (7, 4))
            by_month = months.nunique() <= LEVELS
            return _column(f"{name} ({'month' if by_month else 'year'})", months if by_month else years)
        if frequent.iloc[:KEPT].sum() < 0.5 * len(held):
            return None
        text = text.where(text.isin(frequent.index[:KEPT]) | (text == ""), OTHER)
    levels = sorted(set(text) - {""})
    codes = text.map({level: code for code, level in enumerate(levels)}).fillna(-1)
    return Column(name, levels, codes.to_numpy().astype(np.int64), visible=_holds_sizes(values))


def _binned(name: str, numbers: pd.Series[float]) -> Column | None:
    """Cut numbers at their quantiles; a value that fills a bin by itself, as 0 often does, is a level of its own."""
    shares = numbers.value_counts(normalize=True)
    frequent = shares.index[shares > 1 / BINS].to_numpy(dtype=np.float64)
    values = numbers.to_numpy(dtype=np.float64)
    single = np.isin(values, frequent)
    rest = values[~single & ~np.isnan(values)]
    edges = np.unique(np.quantile(rest, np.linspace(0, 1, BINS + 1), method="nearest")) if len(rest) else rest
    edges = np.repeat(edges, 2) if len(edges) == 1 else edges
    bins = [(low, f"{low:g} to {high:g}") for low, high in pairwise(edges)]
    levels = sorted([*bins, *((value, f"{value:g}") for value in frequent.tolist())])
    if len(levels) < 2:
        return None
    place = {level: code for code, level in enumerate(levels)}
    codes = np.full(len(values), -1)
    if bins:
        cut = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(bins) - 1)
        codes = np.where(np.isnan(values), -1, np.array([place[each] for each in bins])[cut])
    for value in frequent.tolist():
        codes[values == value] = place[value, f"{value:g}"]
    return Column(name, [level for _, level in levels], codes.astype(np.int64), numeric=True)
