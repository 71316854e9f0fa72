"""Candidate confounders: each extra column, the domain itself, and the numbers in group names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ..measures.sampling import group_codes
from .columns import Column, columns, given, numbers

EVERYWHERE = "all domains"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A column and a target that it may be associated with, for the images that have a value.

    Args:
        column: The column.
        target: `label` or `domain`.
        names: Names of the labels or domains.
        where: The domain that it is limited to, or `EVERYWHERE`.
        levels: (n,) level of the column.
        values: (n,) label or domain.
        groups: (n,) group code.
    """

    column: Column
    target: str
    names: Sequence[str]
    where: str
    levels: NDArray[np.int64]
    values: NDArray[np.int64]
    groups: NDArray[np.int64]


def candidates(dataset: Dataset) -> Iterator[Candidate]:
    """Yield all candidates, including those that turn out to have only one level or one target."""
    table, names, classes = dataset.table, dataset.domains, list(dataset.classes)
    groups = group_codes(dataset)
    labels = table["label"].to_numpy(dtype=np.int64)
    domain = table["domain"].map({name: code for code, name in enumerate(names)}).to_numpy().astype(np.int64)

    def candidate(column: Column, target: str, where: str = EVERYWHERE) -> Candidate:
        chosen = column.codes >= 0
        if where != EVERYWHERE:
            chosen &= domain == names.index(where)
        values = labels if target == "label" else domain
        value_names = classes if target == "label" else names
        return Candidate(column, target, value_names, where, column.codes[chosen], values[chosen], groups[chosen])

    yield candidate(Column("domain", names, domain), "label")
    for column in [*columns(table), *given(table)]:
        yield candidate(column, "label")
        yield candidate(column, "domain")
        for name in names:
            yield candidate(column, "label", name)
    for code, name in enumerate(names):  # each hospital numbers its patients in its own way
        rows = np.flatnonzero(domain == code)
        number = numbers(table.iloc[rows])
        if number is not None:
            codes = np.full(len(table), -1)
            codes[rows] = number.codes
            yield candidate(Column(number.name, number.levels, codes, numeric=True), "label", name)
