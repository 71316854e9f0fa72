"""What goes with the label or the domain that should not: class mix, views, machines, ages, dates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ...scoring.bootstrap import interval, resample_counts
from ..fingerprint.fingerprint import Floats
from ..measures.sampling import REPLICATES, SEED, group_codes
from .candidates import Candidate, candidates
from .permutation import shuffled

LEAST = 30  # images with a value, for an association
SOME = 0.1  # Cramer's V: what is weaker matters little, whether or not it is chance
SHUFFLES = 20  # of each link, for every link of the audit: 1 in 20 audits is to find one where there is none
NEAR = 1e-9  # V that are as close are the same


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
        chance: The V that it has to exceed, see `_chances`; NaN where it is below `SOME`.
        images: How many have a value.
        levels: Of the column.
        targets: Names of the labels or domains.
        counts: (levels, targets) images.
        determines: Whether every level of the column has one value of the target only.
    """

    column: str
    target: str
    where: str
    strength: float
    low: float
    high: float
    chance: float
    images: int
    levels: list[str]
    targets: list[str]
    counts: NDArray[np.int64]
    determines: bool

    @property
    def significant(self) -> bool:
        """Whether it is strong enough to matter and more than chance."""
        return self.strength > self.chance + NEAR

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
    weights = resample_counts(int(group_codes(dataset).max()) + 1, REPLICATES, SEED, "audit", dataset.name)
    found = [(each, link) for each in candidates(dataset) if (link := _link(each, weights)) is not None]
    chances = _chances(found, dataset.name)
    told = [replace(link, chance=chance) for (_, link), chance in zip(found, chances, strict=True)]
    return sorted(told, key=lambda link: -link.strength)


def _chances(found: Sequence[tuple[Candidate, Link]], name: str) -> list[float]:
    """Returns the V that each link has to exceed, so that 1 in 20 audits at most finds any link where there is none.

    This is Holm's step-down (Scand J Stat 6, 1979) over all links of the audit: of m links, the first has to exceed
    each of its 20 m shuffles, the next one when k are left all but m/k - 1 of its own.
    """
    drawn: dict[int, Floats] = {}
    for index, (candidate, link) in enumerate(found):
        if link.strength >= SOME:
            words = "\x1f".join(["shuffles", str(SEED), name, candidate.column.name, candidate.target, candidate.where])
            rng = np.random.default_rng(list(hashlib.sha256(words.encode()).digest()))
            tables = shuffled(candidate.levels, candidate.values, candidate.groups, SHUFFLES * len(found), rng)
            drawn[index] = np.sort(np.nan_to_num(cramer(tables)))[::-1]
    reach = {index: int((each >= found[index][1].strength - NEAR).sum()) for index, each in drawn.items()}
    chances, left = [float("nan")] * len(found), len(found)
    for index in sorted(drawn, key=reach.__getitem__):
        allowed = len(found) // left - 1
        chances[index] = float(drawn[index][allowed])
        left -= reach[index] <= allowed
    return chances


def _link(candidate: Candidate, weights: Floats) -> Link | None:
    if len(candidate.levels) < LEAST:
        return None
    levels, width = len(candidate.column.levels), len(candidate.names)
    by_group = np.zeros((weights.shape[1], levels * width))
    np.add.at(by_group, (candidate.groups, candidate.levels * width + candidate.values), 1)
    drawn = np.concatenate([np.ones((1, len(by_group))), weights]) @ by_group
    strengths = cramer(drawn.reshape(-1, levels, width))
    if np.isnan(strengths[0]):
        return None
    low, high = interval(strengths[1:])
    counts = drawn[0].reshape(-1, width).astype(np.int64)
    met = counts[counts.sum(axis=1) > 0]
    determines = bool(((met > 0).sum(axis=1) == 1).all())
    return Link(
        candidate.column.name, candidate.target, candidate.where, float(strengths[0]), low, high, np.nan,
        len(candidate.levels), candidate.column.levels, list(candidate.names), counts, determines,
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
