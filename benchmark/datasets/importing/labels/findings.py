"""Cells that hold several findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from .....shifts.errors import MedshiftError, near
from .spellings import alike

SEPARATORS = ("|", ";", ",")


def joined_by(labels: Iterable[str]) -> str:
    """Return the separator of the findings in a cell; empty where each cell seems to be one label.

    A bar or semicolon parts findings if one of them occurs in two different cells; a comma, which names often hold,
    only if all parts of a cell are labels of their own.
    """
    known = {label.strip() for label in labels}
    for separator in SEPARATORS[:2]:
        cells = [parts(label, separator) for label in known]
        several = {part for found in cells if len(found) > 1 for part in found}
        if any(sum(part in found for found in cells) > 1 for part in several):
            return separator
    found = (parts(label, ",") for label in known)
    return "," if any(len(names) > 1 and names <= known for names in found) else ""


def parts(cell: str, separators: str = "".join(SEPARATORS)) -> frozenset[str]:
    """Return the findings of a cell."""
    for separator in separators[1:]:
        cell = cell.replace(separator, separators[0])
    return frozenset(part.strip() for part in cell.split(separators[0]) if part.strip())


def holding(labels: pd.Series[str], finding: str) -> dict[str, pd.Series[bool]]:
    """Return which cells hold a finding and each of its other spellings, which must not count as its absence.

    Raises:
        MedshiftError: No cell holds the finding as it is given.
    """
    known = {cell: _parts_beside(cell, finding) for cell in labels.unique()}
    offered = set().union(*known.values())
    if finding not in offered:
        raise MedshiftError(f"--label-contains: no cell holds {finding!r}.{near(finding, sorted(offered))}")
    spelt = next((group for group in alike(offered) if finding in group), [finding])
    return {name: labels.map({cell: name in found for cell, found in known.items()}) for name in spelt}


def with_and_without(labels: pd.Series[str], finding: str) -> pd.Series[str]:
    """Replace each cell by a finding that it holds, or by `no FINDING`; empty cells stay."""
    made = {
        cell: (finding if finding in _parts_beside(cell, finding) else without(finding)) if cell.strip() else cell
        for cell in labels.unique()
    }
    return labels.map(made)


def beside(labels: pd.Series[str], finding: str) -> dict[str, int]:
    """Count the cells by their findings that hold another one as a word and are not it: `Effusion/Mass`, `Mass?`."""
    word = re.compile(rf"(?<!\w){re.escape(finding)}(?!\w)", re.IGNORECASE)
    counts: Counter[str] = Counter()
    for cell, count in labels.value_counts().items():
        found = _parts_beside(str(cell), finding)
        if finding not in found:
            lacks = without(finding).casefold()
            counts.update({part: int(count) for part in found if word.search(part) and part.casefold() != lacks})
    return dict(counts.most_common())


def _parts_beside(cell: str, finding: str) -> frozenset[str]:
    """Return the findings of a cell, parted by the marks that the one that is looked for does not hold itself."""
    between = "".join(mark for mark in SEPARATORS if mark not in finding)
    return parts(cell, between) if between else frozenset({cell})


def without(finding: str) -> str:
    """Return the name of the class that lacks a finding."""
    return f"no {finding}"
