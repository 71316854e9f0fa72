"""Images of a data set that are equal in every pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....files.wording import plural


def equal_image_notes(
    digests: Sequence[int], constant: NDArray[np.bool_], table: pd.DataFrame, classes: Sequence[str]
) -> list[str]:
    """Return the notes on images that are equal to one another.

    Args:
        digests: Hash of the pixels of each row.
        constant: Whether all pixels of a row have one value: such images are equal without being copies.
        table: Table of the data set.
        classes: Names of the labels.
    """
    rows = table[["sample_id", "label", "domain", "group"]].assign(digest=list(digests))
    notes: list[str] = []
    rows = rows[~constant]
    rows = rows[rows["digest"].duplicated(keep=False)]
    if rows.empty:
        return notes
    pairs = _unlike_pairs(rows, "label")
    if pairs:
        a, b = _first_pair(rows)
        what = "pair of equal images has" if pairs == 1 else "pairs of equal images have"
        named = " and ".join(f"{row.sample_id} (`{classes[row.label]}`)" for row in (a, b))
        notes.append(
            f"DIFFERENT LABELS OF EQUAL IMAGES: {pairs:,} {what} different labels, the first {named}: check them"
        )
    across = {name: rows["digest"][_differs(rows, name)] for name in ("group", "domain")}
    if len(across["group"]):
        domains = f" ({len(across['domain']):,} one of another domain)" if len(across["domain"]) else ""
        copies = plural(len(across["group"]), "image") + (" is" if len(across["group"]) == 1 else " are")
        notes.append(
            f"{copies} equal to one of another group{domains}: training and test data may leak into each other; "
            "give copies one group, or keep one of them"
        )
    return notes


def _differs(rows: pd.DataFrame, column: str) -> pd.Series[bool]:
    """Tell of each row whether an equal image has another value in a column."""
    return rows.groupby("digest")[column].transform("nunique") > 1


def _unlike_pairs(rows: pd.DataFrame, column: str) -> int:
    """Count the pairs of equal images with different values in a column."""
    all_pairs = (rows.groupby("digest").size() ** 2).sum()
    like_pairs = (rows.groupby(["digest", column]).size() ** 2).sum()
    return int(all_pairs - like_pairs) // 2


def _first_pair(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the first row that has an equal image of another label, and that image."""
    unlike = rows[_differs(rows, "label")]
    first = unlike.iloc[0]
    other = unlike[(unlike["digest"] == first["digest"]) & (unlike["label"] != first["label"])].iloc[0]
    return first, other
