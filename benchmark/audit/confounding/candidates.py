"""Candidate confounders: each further column, the domain itself, the numbers in the groups' names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ..measures.sampling import group_codes
from .columns import Column, columns, numbers

EVERYWHERE = "all domains"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A column and what it may go with, of the images that have a value.

    Args:
        column: The column.
        target: `label` or `domain`.
        names: Of the labels or domains.
        where: A domain, or `EVERYWHERE`.
        levels: (n,) of the column.
        values: (n,) labels or domains.
        groups: (n,) whose image it is.
    """

    column: Column
    target: str
    names: Sequence[str]
    where: str
    levels: NDArray[np.int64]
    values: NDArray[np.int64]
    groups: NDArray[np.int64]


def candidates(dataset: Dataset) -> Iterator[Candidate]:
    """Yields the candidates, those too that turn out to have one level or one target only."""
    table, names, classes = dataset.table, dataset.domains, list(dataset.classes)
    whose = group_codes(dataset)
    labels = table["label"].to_numpy(dtype=np.int64)
    domain = table["domain"].map({name: code for code, name in enumerate(names)}).to_numpy().astype(np.int64)

    def candidate(column: Column, target: str, where: str = EVERYWHERE) -> Candidate:
        chosen = column.codes >= 0
        if where != EVERYWHERE:
            chosen &= domain == names.index(where)
        values = labels if target == "label" else domain
        known = classes if target == "label" else names
        return Candidate(column, target, known, where, column.codes[chosen], values[chosen], whose[chosen])

    yield candidate(Column("domain", names, domain), "label")
    for column in columns(table):
        yield candidate(column, "label")
        yield candidate(column, "domain")
        for name in names:
            yield candidate(column, "label", name)
    for code, name in enumerate(names):  # each hospital gives out its own numbers
        mine = np.flatnonzero(domain == code)
        number = numbers(table.iloc[mine])
        if number is not None:
            spread = np.full(len(table), -1)
            spread[mine] = number.codes
            yield candidate(Column(number.name, number.levels, spread, numeric=True), "label", name)
