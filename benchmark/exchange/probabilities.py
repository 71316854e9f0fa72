"""Find the probabilities in a table of predictions: by class name or number, as one score, or in percent."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..files.wording import plural
from ..submissions import predictions
from ..submissions.predictions import KEYS, SUM_TOLERANCE
from .delimited import plain

SCORES = ("score", "probability", "prob", "p", "y_score", "y_prob")  # of the second of two classes
EMPTY = ("", "nan", "na", "n/a", "null", "none", "-")
PREFIX = re.compile(r"(?:p|pr|prob|proba|probability)[_ :.(]+(.*?)\)?")
OF_CLASS = re.compile(r"class[_ ]?(.+)")
SUFFIX = re.compile(r"(.*?)[_ :.]+(?:p|prob|proba|probability)")
NUMBERED = re.compile(r"(?:p|prob|proba|probability|class)_?(\d{1,4})")
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:e[-+]?\d+)?\s*", re.IGNORECASE)


def understand(table: pd.DataFrame, classes: Sequence[str]) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Find keys and probabilities, by the names `condition`, `sample_id`, `p0`, ... or others that leave no doubt.

    Args:
        table: As it was read.
        classes: The classes of the protocol, in order.

    Returns:
        The table with these columns, probabilities as numbers; its problems; and notes on what was understood.
    """
    wanted = predictions.columns(len(classes))
    table, alone, notes = _renamed(table, classes)
    found = []
    unexpected = [str(name)[:40] for name in table.columns if name not in wanted]
    if unexpected:
        found.append(f"unexpected columns: {', '.join(unexpected[:8])}")
    for name in KEYS:
        if name in table:
            empty = table[name].isna() | (table[name].astype(str).str.strip() == "")
            if empty.any():
                found.append(f"column {name} has {plural(int(empty.sum()), 'empty cell')}")
    values = [name for name in wanted[2:] if name in table]
    for name in values:
        table[name], other, note = _numbers(table[name])
        notes += note
        if len(other):
            found.append(f"column {name} has {plural(len(other), 'non-numeric cell')}, e.g. {other.iloc[0][:40]!r}")
    needed = wanted if not alone else [*KEYS, alone]
    named = f" (or named {', '.join(classes)})" if len(classes) <= 8 else ""
    required = f"{wanted[0]}, {wanted[1]}, {wanted[2]} to {wanted[-1]}{named}"
    missing = [name for name in needed if name not in table]
    found += [f"column {name} is missing; required are {required}" for name in missing]
    if unexpected and set(missing) - set(KEYS):
        found.append(_enough(classes))
    if found:
        return table, found, notes
    percent, problem = _scale(table[values], bool(alone))
    if problem:
        return table, [problem], notes
    if percent:
        table[values] = table[values] / 100
        notes.append("percent were divided by 100")
    if alone:
        table["p0" if alone == "p1" else "p1"] = 1 - table[alone]
    return table, [], list(dict.fromkeys(notes))


def _enough(classes: Sequence[str]) -> str:
    """Say which columns would do, to who has others."""
    if len(classes) == 2:
        one = f"the probability of {classes[1]!r} is enough, in a column {classes[1]} or p1"
        return f"of two classes, {one}; a predicted label with its confidence is not"
    return "a predicted label with its confidence is not enough: give the probability of every class"


def _renamed(table: pd.DataFrame, classes: Sequence[str]) -> tuple[pd.DataFrame, str, list[str]]:
    """Rename columns; return the table, which of `p0` and `p1` stands alone for both, and notes."""
    first = table.columns[0] if len(table.columns) else None
    if first is not None and (str(first) == "" or str(first) == "Unnamed: 0"):
        counted = pd.to_numeric(table[first], errors="coerce").to_numpy()
        if (counted == np.arange(len(table))).all():  # the index that pandas writes unless told otherwise
            table = table.drop(columns=first)
    names = {name: _meaning(name, classes) for name in table.columns}
    meant = [meaning for meaning in names.values() if meaning]
    if len(set(meant)) != len(meant):
        return table.copy(), "", []
    table = table.rename(columns={name: meaning for name, meaning in names.items() if meaning})
    by_name = [name for name, meaning in names.items() if meaning and meaning not in KEYS and plain(name) != meaning]
    notes = [f"columns by name: {', '.join(f'{name} is {names[name]}' for name in by_name[:8])}"] if by_name else []
    have = [name for name in predictions.columns(len(classes))[2:] if name in table]
    rest = [name for name in table.columns if name not in (*KEYS, *have)]
    if len(classes) != 2 or len(have) + len(rest) != 1:
        return table, "", notes
    if rest and plain(rest[0]) in SCORES:
        table = table.rename(columns={rest[0]: "p1"})
    elif rest or (have == ["p0"] and not by_name):
        return table, "", notes
    name, alone = (rest[0], "p1") if rest else (by_name[0] if by_name else "p1", have[0])
    other = "p0" if alone == "p1" else "p1"
    return table, alone, [f"{name} is taken as the probability of {classes[int(alone[1])]!r}; {other} = 1 - {alone}"]


def _meaning(name: object, classes: Sequence[str]) -> str:
    """Return the column that a name stands for; empty if it is none of them, or may be several.

    Where classes are called by numbers, `class_1` is the class of this name; `prob_1` may be that or the second class,
    as of an array of scikit-learn, and is neither unless both are the same.
    """
    text = plain(name)
    if text in predictions.columns(len(classes)):
        return text
    reduced = [plain(each) for each in classes]
    shapes = [text, *(found[1] for each in (PREFIX, OF_CLASS, SUFFIX) if (found := each.fullmatch(text)))]
    places = {reduced.index(shape) for shape in shapes if reduced.count(shape) == 1}
    numbered = NUMBERED.fullmatch(text)
    if numbered and int(numbered[1]) < len(classes) and not (places and OF_CLASS.fullmatch(text)):
        places.add(int(numbered[1]))
    return f"p{places.pop()}" if len(places) == 1 else ""


def _numbers(cells: pd.Series) -> tuple[pd.Series, pd.Series, list[str]]:
    """Convert a column to numbers; return them, the cells that are none, and notes."""
    numbers = pd.to_numeric(cells, errors="coerce")
    text = cells[numbers.isna()].dropna().astype(str).str.strip()
    other = text[~text.str.lower().isin(EMPTY)]
    if not len(other):
        return numbers, other, []
    notes = []
    whole = numbers.dropna().mod(1).eq(0).all()  # beside 0,25 a cell may hold 0 or 1, but not 0.25
    percent = other.str.endswith("%").all() and not numbers.notna().any()
    if percent:
        other = other.str.rstrip("% ")
        notes.append("percent were divided by 100")
    if whole and other.str.contains(",", regex=False).any() and other.str.fullmatch(DECIMAL_COMMA).all():
        other = other.str.replace(",", ".", regex=False)
        notes.append("decimal commas were read as points")
    read = pd.to_numeric(other, errors="coerce")
    if not notes or read.isna().any():
        return numbers, text[~text.str.lower().isin(EMPTY)], []
    return numbers.fillna(read / 100 if percent else read), other[:0], notes


def _scale(values: pd.DataFrame, alone: bool) -> tuple[bool, str]:
    """Return whether numbers are percent, and what to do if they are on a scale that is in doubt."""
    array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    array = array[np.isfinite(array).all(axis=1)]
    outside = ((array < 0) | (array > 1)).any(axis=1)
    if not len(array) or 2 * int(outside.sum()) < len(array):
        return False, ""
    low, high, sums = float(array.min()), float(array.max()), array.sum(axis=1)
    where = f"{', '.join(map(str, values.columns[:4]))}: values from {low:.4g} to {high:.4g}"
    if low >= 0 and high <= 100:
        if not alone and (abs(sums - 100) <= 100 * SUM_TOLERANCE).all():
            return True, ""
        if alone or abs(float(np.median(sums)) - 100) < 2:
            return False, f"{where} look like percent: divide them by 100, so that each row sums to 1"
    if high <= 0 and not alone and abs(float(np.median(np.exp(array).sum(axis=1))) - 1) < 0.01:
        return False, f"{where} look like logarithms of probabilities: apply exp first"
    return False, f"{where} look like logits, not probabilities: apply {'sigmoid' if alone else 'softmax'} first"
