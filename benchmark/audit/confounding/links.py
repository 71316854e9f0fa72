"""Associations of columns with the label or the domain: class mix, views, machines, ages, dates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ...scoring.bootstrap import interval, resample_counts
from ..fingerprint.fingerprint import Floats
from ..measures.sampling import REPLICATES, SEED, group_codes
from .candidates import Candidate, candidates
from .permutation import shuffled

LEAST = 30  # images with a value that an association needs
WEAKEST = 0.1  # Cramer's V; a weaker association matters little, whether or not it is chance
SHUFFLES = 20  # per link and number of links, so that at most 1 in 20 audits finds a link where there is none
NEAR = 1e-9  # values of V this close are equal


@dataclass(frozen=True, eq=False)
class Link:
    """Association of a column with the label or the domain.

    Args:
        column: Its name.
        target: `label` or `domain`.
        where: The domain that it is limited to, or `EVERYWHERE`.
        strength: Cramer's V, corrected for bias: 0 for no association, 1 if one determines the other.
        low: Lower end of its 95 % interval over groups.
        high: Upper end.
        chance: The V that it has to exceed, see `_chances`; NaN where it is below `WEAKEST`.
        images: Number of images with a value.
        levels: Names of the column's levels.
        targets: Names of the labels or domains.
        counts: (levels, targets) images.
        determines: Whether every level of the column has only one value of the target.
        visible: Whether images themselves show the column, as they do the size and shape of their originals.
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
    visible: bool = False

    @property
    def significant(self) -> bool:
        """Whether it is strong enough to matter and exceeds chance."""
        return self.strength > self.chance + NEAR

    def extremes(self) -> str:
        """Return the levels between which the share of a target differs most: `pneumonia: 64 % of PA, 40 % of AP`."""
        size = self.counts.sum(axis=1)
        kept = np.flatnonzero(size >= max(10, 0.02 * size.sum()))
        kept = kept if len(kept) > 1 else np.flatnonzero(size)  # all are small, as where images are few
        share = self.counts[kept] / size[kept, None]
        spans = np.ptp(share, axis=0).round(9)
        which = int(np.flatnonzero(spans == spans.max())[-1])  # of two labels the second, usually the disease
        most, least = kept[share[:, which].argmax()], kept[share[:, which].argmin()]
        most_share, least_share = (100 * self.counts[level, which] / size[level] for level in (most, least))
        return (
            f"{self.targets[which]}: {most_share:.0f} % of {self.levels[most]}, "
            f"{least_share:.0f} % of {self.levels[least]}"
        )


def links(dataset: Dataset, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Link]:
    """Measure how each extra column, and the domain itself, is associated with the label and the domain.

    Associations with the label are measured over all images that have a value, and within each domain in which the
    column has several levels. The strongest come first.

    Args:
        dataset: The data set.
        progress: Called with (associations shuffled, total number of them): with many, the time grows with the square.
    """
    weights = resample_counts(int(group_codes(dataset).max()) + 1, REPLICATES, SEED, "audit", dataset.name)
    found = [(each, link) for each in candidates(dataset) if (link := _link(each, weights)) is not None]
    chances = _chances(found, dataset.name, progress)
    judged = [replace(link, chance=chance) for (_, link), chance in zip(found, chances, strict=True)]
    return sorted(judged, key=lambda link: -link.strength)


def _chances(found: Sequence[tuple[Candidate, Link]], name: str, progress: Callable[[int, int], None]) -> list[float]:
    """Return the V that each link has to exceed, so that at most 1 in 20 audits finds any link where there is none.

    This is Holm's step-down procedure (Scand J Stat 6, 1979) over all links of the audit: of m links, the first has to
    exceed each of its 20 m shuffles; when k are left, the next has to exceed all but m/k - 1 of its own.
    """
    by_chance: dict[int, Floats] = {}
    for index, (candidate, link) in enumerate(found):
        if link.strength >= WEAKEST:
            words = "\x1f".join(["shuffles", str(SEED), name, candidate.column.name, candidate.target, candidate.where])
            rng = np.random.default_rng(list(hashlib.sha256(words.encode()).digest()))
            tables = shuffled(candidate.levels, candidate.values, candidate.groups, SHUFFLES * len(found), rng)
            by_chance[index] = np.sort(np.nan_to_num(cramer(tables)))[::-1]
        progress(index + 1, len(found))
    reach = {index: int((each >= found[index][1].strength - NEAR).sum()) for index, each in by_chance.items()}
    chances, left = [float("nan")] * len(found), len(found)
    for index in sorted(by_chance, key=reach.__getitem__):
        allowed = len(found) // left - 1
        chances[index] = float(by_chance[index][allowed])
        left -= reach[index] <= allowed
    return chances


def _link(candidate: Candidate, weights: Floats) -> Link | None:
    if len(candidate.levels) < LEAST:
        return None
    levels, width = len(candidate.column.levels), len(candidate.names)
    by_group = np.zeros((weights.shape[1], levels * width))
    np.add.at(by_group, (candidate.groups, candidate.levels * width + candidate.values), 1)
    tables = np.concatenate([np.ones((1, len(by_group))), weights]) @ by_group
    strengths = cramer(tables.reshape(-1, levels, width))
    if np.isnan(strengths[0]):
        return None
    low, high = _centred(float(strengths[0]), strengths[1:])
    counts = tables[0].reshape(-1, width).astype(np.int64)
    occurring = counts[counts.sum(axis=1) > 0]
    determines = bool(((occurring > 0).sum(axis=1) == 1).all())
    return Link(
        candidate.column.name, candidate.target, candidate.where, float(strengths[0]), low, high, np.nan,
        len(candidate.levels), candidate.column.levels, list(candidate.names), counts, determines,
        candidate.column.visible,
    )  # fmt: skip


def _centred(strength: float, replicates: Floats) -> tuple[float, float]:
    """Return the interval of V without what drawing whole groups adds to it: few of them are alike by chance."""
    low, high = np.array(interval(replicates)) - (np.nanmean(replicates) - strength)
    return float(np.clip(low, 0, strength)), float(np.clip(high, strength, 1))


def cramer(tables: Floats) -> Floats:
    """Compute Cramer's V of each table (B, rows, columns), corrected for bias (Bergsma, J Korean Stat Soc 42, 2013).

    NaN where fewer than two rows or columns have a count.
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
