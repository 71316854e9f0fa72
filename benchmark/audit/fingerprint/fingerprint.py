"""The acquisition fingerprint of a domain, measured from unlabelled images, with intervals over groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ...scoring.bootstrap import interval, resample_counts
from ...scoring.intervals import TAIL
from ..measures.sampling import REPLICATES, SEED, group_codes, sample_rows
from ..measures.table import measure_names, measure_rows

Floats = NDArray[np.float64]

IMAGES = 300  # per domain, at most


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The measures of one domain's images.

    Args:
        domain: Its name.
        rows: (n,) rows of the measured images in the data set.
        values: (n, K) measures, in the order of `measure_names`; NaN where an image has no value.
        groups: (n,) group of each image, 0..G-1.
        weights: (B, G) count of each group in each bootstrap replicate; shared by all domains.
    """

    domain: str
    rows: NDArray[np.int64]
    values: Floats
    groups: NDArray[np.int64]
    weights: Floats

    @property
    def count(self) -> int:
        """Number of groups among the images."""
        return len(np.unique(self.groups))

    @property
    def drawn(self) -> NDArray[np.bool_]:
        """Whether any of the groups was drawn, in each bootstrap replicate (B,)."""
        return np.asarray(self.weights[:, np.unique(self.groups)].sum(axis=1) > 0)

    @property
    def means(self) -> Floats:
        """The mean of each measure, (K,)."""
        return np.asarray(self._weighted_means(self.values)[0])

    @property
    def replicates(self) -> Floats:
        """The means in each bootstrap replicate, (B, K)."""
        return self._weighted_means(self.values)[1:]

    def intervals(self) -> list[tuple[float, float]]:
        """The 95 % interval of each measure over groups; NaN for a single one, which shows no spread.

        Percentiles are stretched: a plain bootstrap of few groups varies too little (`scoring.intervals`).
        """
        if self.count < 2:
            return [(math.nan, math.nan)] * self.values.shape[1]
        wider = stretch(self.count)
        found = []
        for mean, column in zip(self.means.tolist(), self.replicates.T, strict=True):
            low, high = interval(column)
            found.append((mean - wider * (mean - low), mean + wider * (high - mean)))
        return found

    def components(self, centre: Floats) -> Floats:
        """Compute means of the measures, and mean squared distances from `centre` (K,).

        A shift that moves some images up and others down leaves the mean unchanged, but raises these distances.

        Returns:
            (1 + B, 2 K): for all groups in the first row, then for each bootstrap replicate.
        """
        return self._weighted_means(np.concatenate([self.values, (self.values - centre) ** 2], axis=1))

    def _weighted_means(self, values: Floats) -> Floats:
        known = ~np.isnan(values)
        size = self.weights.shape[1]
        totals, counts = np.zeros((2, size, values.shape[1]))
        np.add.at(totals, self.groups, np.where(known, values, 0))
        np.add.at(counts, self.groups, known)
        weights = np.concatenate([np.ones((1, size)), self.weights])
        sizes = weights @ counts
        return np.where(sizes > 0, (weights @ totals) / np.where(sizes > 0, sizes, 1), np.nan)


def stretch(count: int) -> float:
    """Return by how much percentiles of a bootstrap of few groups, two or more, are to be stretched."""
    from scipy.special import ndtri, stdtrit  # deferred: `--help` must stay fast

    return math.sqrt(count / (count - 1)) * float(stdtrit(count - 1, TAIL) / ndtri(TAIL))


def fingerprints(
    dataset: Dataset,
    domains: Sequence[str],
    images: int = IMAGES,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Fingerprint]:
    """Take the fingerprint of each domain from a sample of its images, chosen by a hash of their ids.

    Args:
        dataset: The images; labels are not used.
        domains: The domains, in this order.
        images: Maximum number of images per domain.
        progress: Called with (images measured, total number of images).
    """
    codes = group_codes(dataset)
    weights = resample_counts(int(codes.max()) + 1, REPLICATES, SEED, "audit", dataset.name)
    chosen = [sample_rows(dataset, np.flatnonzero(dataset.table["domain"] == name), images) for name in domains]
    total, done = sum(map(len, chosen)), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return [
        Fingerprint(name, rows, measure_rows(dataset, rows, advance), codes[rows], weights)
        for name, rows in zip(domains, chosen, strict=True)
    ]


def columns(dataset: Dataset) -> list[str]:
    """Return the names of the measures in the fingerprint of a data set."""
    return measure_names(dataset.channels)
