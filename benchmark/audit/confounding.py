"""What goes with the label or the domain that should not: class mix, views, machines, ages, dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..bootstrap import draw, interval
from ..dataset import Dataset
from .fingerprint import REPLICATES, SEED, Floats, groups
from .metadata import Column, columns, numbers

LEAST = 30  # images with a value, for an association
EVERYWHERE = "all domains"


@dataclass(frozen=True, eq=False)
class Link:
    """How a column goes with the label or the domain.

    Args:
        column: Its name.
        target: `label` or `domain`.
        where: A domain, or `EVERYWHERE`.
        strength: Cramer's V, corrected for chance: 0 none, 1 one fixes the other.
        low: Lower end of its 95 % interval over groups.
        high: Upper end.
        images: How many have a value.
        levels: Of the column.
        targets: Names of the labels or domains.
        counts: (levels, targets) images.
        settles: Whether every level of the column has one value of the target only.
    """

    column: str
    target: str
    where: str
    strength: float
    low: float
    high: float
    images: int
    levels: list[str]
    targets: list[str]
    counts: NDArray[np.int64]
    settles: bool

    def extremes(self) -> str:
        """Returns between which levels the share of a target differs most: `pneumonia: 64 % of PA, 40 % of AP`."""
        size = self.counts.sum(axis=1)
        kept = np.flatnonzero(size >= max(10, 0.02 * size.sum()))
        share = self.counts[kept] / size[kept, None]
        spans = np.ptp(share, axis=0).round(9)
        which = int(np.flatnonzero(spans == spans.max())[-1])  # of two labels the second, which is the finding
        most, least = kept[share[:, which].argmax()], kept[share[:, which].argmin()]
        most_share, least_share = (100 * self.counts[level, which] / size[level] for level in (most, least))
        return (
            f"{self.targets[which]}: {most_share:.0f} % of {self.levels[most]}, "
            f"{least_share:.0f} % of {self.levels[least]}"
        )


def links(dataset: Dataset) -> list[Link]:
    """Returns how each further column, and the domain itself, goes with the label and the domain; strongest first.

    With the label: over all images that have a value, and within each domain in which the column has several.
    """
    table = dataset.table
    whose = groups(dataset)
    weights = draw(int(whose.max()) + 1, REPLICATES, SEED, "audit", dataset.name)
    labels = table["label"].to_numpy(dtype=np.int64)
    names = dataset.domains
    domain = table["domain"].map({name: code for code, name in enumerate(names)}).to_numpy().astype(np.int64)
    classes = list(dataset.classes)
    everyone = np.ones(len(table), dtype=bool)
    site = Column("domain", names, domain)
    found = [_link(site, "label", labels, classes, EVERYWHERE, everyone, whose, weights)]
    for column in columns(table):
        found.append(_link(column, "label", labels, classes, EVERYWHERE, everyone, whose, weights))
        found.append(_link(column, "domain", domain, names, EVERYWHERE, everyone, whose, weights))
        for code, name in enumerate(names):
            found.append(_link(column, "label", labels, classes, name, domain == code, whose, weights))
    for code, name in enumerate(names):  # each hospital gives out its own numbers
        mine = np.flatnonzero(domain == code)
        number = numbers(table.iloc[mine])
        if number is not None:
            spread = np.full(len(table), -1)
            spread[mine] = number.codes
            column = Column(number.name, number.levels, spread, numeric=True)
            found.append(_link(column, "label", labels, classes, name, domain == code, whose, weights))
    return sorted((link for link in found if link is not None), key=lambda link: -link.strength)


def _link(
    column: Column,
    target: str,
    values: NDArray[np.int64],
    names: Sequence[str],
    where: str,
    chosen: NDArray[np.bool_],
    whose: NDArray[np.int64],
    weights: Floats,
) -> Link | None:
    rows = np.flatnonzero(chosen & (column.codes >= 0))
    if len(rows) < LEAST:
        return None
    width = len(names)
    cells = len(column.levels) * width
    by_group = np.zeros((weights.shape[1], cells))
    np.add.at(by_group, (whose[rows], column.codes[rows] * width + values[rows]), 1)
    drawn = np.concatenate([np.ones((1, len(by_group))), weights]) @ by_group
    strengths = cramer(drawn.reshape(-1, len(column.levels), width))
    if np.isnan(strengths[0]):
        return None
    low, high = interval(strengths[1:])
    counts = drawn[0].reshape(-1, width).astype(np.int64)
    met = counts[counts.sum(axis=1) > 0]
    settles = bool(((met > 0).sum(axis=1) == 1).all())
    return Link(
        column.name, target, where, float(strengths[0]), low, high, len(rows), column.levels, list(names), counts,
        settles,
    )  # fmt: skip


def cramer(tables: Floats) -> Floats:
    """Returns Cramer's V of each table (B, rows, columns), corrected for chance (Bergsma, J Korean Stat Soc 42, 2013).

    NaN where fewer than two rows or columns are met.
    """
    total = tables.sum(axis=(1, 2))
    rows, cols = tables.sum(axis=2), tables.sum(axis=1)
    expected = rows[:, :, None] * cols[:, None, :] / np.maximum(total, 1)[:, None, None]
    square = np.where(expected > 0, (tables - expected) ** 2 / np.where(expected > 0, expected, 1), 0).sum(axis=(1, 2))
    r, c = ((part > 0).sum(axis=1) for part in (rows, cols))
    less = np.maximum(total - 1, 1)
    phi = np.maximum(square / np.maximum(total, 1) - (r - 1) * (c - 1) / less, 0)
    least = np.minimum(r - (r - 1) ** 2 / less, c - (c - 1) ** 2 / less) - 1
    return np.where((r > 1) & (c > 1), np.sqrt(np.minimum(phi / np.maximum(least, 1e-9), 1)), np.nan)
