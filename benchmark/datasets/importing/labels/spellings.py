"""Spellings of labels: one class written in several ways, and cells that say that there is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from decimal import Decimal

import pandas as pd

from ....files.listed import pick

DECIMAL_COMMA = re.compile(r"([+-]?\d+),0*")  # the same where the comma is the decimal mark
WHOLE = re.compile(r"([+-]?\d+)\.0*")  # a whole number as a column of floats writes it
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
MISSING = (
    *(
        "na",
        "n/a",
        "n.a.",
        "n.a",
        "na.",
        "#n/a",
        "<na>",
        "na_character_",
        "nan",
        "-nan",
        "nat",
        "null",
        "(null)",
        "<null>",
    ),
    *("<null>", "nil", ".", "?", "-", "--", "\N{EN DASH}", "\N{EM DASH}", "missing value"),
    *("#value!", "#null!", "#ref!", "#div/0!", "#name?", "#num!"),  # of a spreadsheet
)
CODES = ("-1", "-9", "-99", "-999")  # of what is uncertain or missing, beside 0 and 1
LISTED = re.compile(r"\[.*\]", re.DOTALL)  # a list, as Python writes it
EMPTY = re.compile(r"\[\s*\]")
NO_FINDING = "[]"
QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
YES, NO = frozenset({Decimal(1), "true", "yes", "y"}), frozenset({Decimal(0), "false", "no", "n"})
INNER = re.compile(r"(?<=\w)[\s_-]+(?=\w)")  # between words; a sign before or after one is another label: HER2-


def canonical(labels: pd.Series[str], *, decimal_comma: bool = False) -> pd.Series[str]:
    """Write labels alike: blank ones empty, composed letters (NFC), whole numbers as such if all are numbers.

    Beside words, whole numbers lose their decimal point only where one of them is written both ways: `1.0` alone may be
    the name of a version.

    A list of findings becomes `a|b`, and an empty one `NO_FINDING`, which is another thing than a cell without a list.

    Args:
        labels: As they are written.
        decimal_comma: Whether a comma may be a decimal mark: `1,0` is 1 if all labels are whole numbers or such.
    """
    normal = {label: unicodedata.normalize("NFC", label) if label.strip() else "" for label in labels.unique()}
    normal = {label: NO_FINDING if EMPTY.fullmatch(new) else new for label, new in normal.items()}
    if all(LISTED.fullmatch(label) for label in normal.values() if label):
        normal = {
            label: new if new == NO_FINDING else "|".join(map("".join, QUOTED.findall(new)))
            for label, new in normal.items()
        }
    spoken = [label for label in normal.values() if label.strip() and not means_missing(label, normal.values())]
    if decimal_comma and all(NUMBER.fullmatch(label) or DECIMAL_COMMA.fullmatch(label) for label in spoken):
        normal = {
            label: DECIMAL_COMMA.sub(r"\1", new) if DECIMAL_COMMA.fullmatch(new) else new
            for label, new in normal.items()
        }
        spoken = []  # all are numbers
    if all(NUMBER.fullmatch(label.strip()) for label in spoken) or _written_both_ways(normal.values()):
        normal = {label: WHOLE.sub(r"\1", new) if WHOLE.fullmatch(new) else new for label, new in normal.items()}
    return labels.map(normal)


def _written_both_ways(labels: Iterable[str]) -> bool:
    """Tell whether a whole number occurs with and without a decimal point; words beside it do not make it two."""
    known = set(labels)
    return any(WHOLE.sub(r"\1", label) in known for label in known if WHOLE.fullmatch(label))


def means_missing(label: str, labels: Iterable[str]) -> bool:
    """Tell whether a label leaves no doubt that nothing is known of the image.

    Args:
        label: One label.
        labels: All labels: `-` beside `+` is a class, and so is `None` beside `Mild`.
    """
    plain = label.strip().lower()
    if plain == "-":
        return "+" not in labels
    if label.strip() == "None":  # as Python writes it; a class of a set with capitals
        return not any(other[:1].isupper() for other in labels if other.strip() != "None")
    return plain in MISSING or (len(plain) > 1 and set(plain) == {"?"})


def may_mean_missing(label: str) -> bool:
    """Tell whether a label may be a class or a word for one that is missing."""
    return label.strip().lower() in ("none", "unknown", "missing", "not available", "unlabeled", "unlabelled")


def uncertain(labels: Iterable[str]) -> set[str]:
    """Return the codes below zero that mean uncertain or missing beside 0 and 1; none if others are below zero."""
    known = {label for label in labels if label.strip()}
    below = {label for label in known if label.startswith("-") and NUMBER.fullmatch(label)}
    return below if {"0", "1"} <= known and below <= set(CODES) else set()


def alike(labels: Iterable[str], plain: Callable[[str], object] | None = None) -> list[list[str]]:
    """Group labels that look alike.

    Args:
        labels: Those that have no spaces around them are looked at; others are told by line.
        plain: Returns what labels that look alike have in common; by default `plain_label`.
    """
    groups: dict[object, list[str]] = {}
    for label in sorted(labels):
        if label and label == label.strip():
            groups.setdefault((plain or plain_label)(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def plain_label(label: str) -> str | Decimal:
    """Return a label without case, characters that have no width, and the kind of space, hyphen or underscore.

    A number is returned as such: `01` is `1`. In a word, leading zeros may count: A001 and A01 are two diagnoses.
    """
    name = visible(label)
    return Decimal(name) if NUMBER.fullmatch(name) else INNER.sub(" ", name).casefold()


def plain_among(labels: Iterable[str]) -> Callable[[str], object]:
    """Return what gives for each label what it has in common with those that look alike, or say the same.

    Words for yes and no (`1`, `True`, `yes`, `y`) say the same where no other labels are, or if both are written in two
    ways: `N` and `0` alone may be two of several classes.
    """
    plain = {label: plain_label(label) for label in labels if label.strip()}
    said = {word for word in plain.values() if word in YES or word in NO}
    if not (said.issuperset(plain.values()) or min(len(said & YES), len(said & NO)) > 1):
        return plain_label
    return lambda label: next((words for words in (YES, NO) if plain_label(label) in words), plain_label(label))


def visible(text: str) -> str:
    """Return a text without characters that have no width, and in the plain one of letters that look alike (NFKC)."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def pick_labels(given: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Resolve labels as typed, see `pick`; a decomposed letter or `1.0` for `1` is understood.

    Raises:
        MedshiftError: One is unknown.
    """
    names = {label: label for label in known}
    for label in list(names):
        names.setdefault(unicodedata.normalize("NFD", label), label)
        if NUMBER.fullmatch(label) and label.lstrip("+-").isdigit():
            names.setdefault(f"{label}.0", label)
            names.setdefault(f"{label},0", label)
    return tuple(dict.fromkeys(names[label] for label in pick(given, names, "label")))
