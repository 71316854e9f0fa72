"""The fingerprint of a domain: what unlabelled images tell of how they were acquired, with intervals over groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ...scoring.bootstrap import interval, resample_counts
from ..measures.sampling import REPLICATES, SEED, group_codes, sample_rows
from ..measures.table import measure_names, measure_rows

Floats = NDArray[np.float64]

IMAGES = 300  # of a domain, at most


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The measures of one domain's images.

    Args:
        domain: Its name.
        rows: (n,) which images of the data set.
        values: (n, K) measures, in the order of `measures.names`; NaN where an image does not tell.
        groups: (n,) whose image it is, 0..G-1.
        weights: (B, G) how often each group was drawn in each replicate; shared by all domains.
    """

    domain: str
    rows: NDArray[np.int64]
    values: Floats
    groups: NDArray[np.int64]
    weights: Floats

    @property
    def means(self) -> Floats:
        """The mean of each measure, (K,)."""
        return np.asarray(self._of(self.values)[0])

    @property
    def replicates(self) -> Floats:
        """The same on each resample of the groups, (B, K)."""
        return self._of(self.values)[1:]

    def intervals(self) -> list[tuple[float, float]]:
        """The 95 % interval of each measure over groups."""
        return [interval(column) for column in self.replicates.T]

    def components(self, centre: Floats) -> Floats:
        """Returns (1 + B, 2 K): means and mean squared distances from `centre` (K,), first as they are, then resampled.

        A shift that moves some images up and others down leaves the mean where it is; the distances tell of it.
        """
        return self._of(np.concatenate([self.values, (self.values - centre) ** 2], axis=1))

    def _of(self, values: Floats) -> Floats:
        known = ~np.isnan(values)
        size = self.weights.shape[1]
        totals, counts = np.zeros((2, size, values.shape[1]))
        np.add.at(totals, self.groups, np.where(known, values, 0))
        np.add.at(counts, self.groups, known)
        weights = np.concatenate([np.ones((1, size)), self.weights])
        drawn = weights @ counts
        return np.where(drawn > 0, (weights @ totals) / np.where(drawn > 0, drawn, 1), np.nan)


def fingerprints(
    dataset: Dataset,
    domains: Sequence[str],
    images: int = IMAGES,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Fingerprint]:
    """Returns the fingerprint of each domain, from at most so many of its images, chosen by a hash of their ids.

    Args:
        dataset: The images; labels are not looked at.
        domains: Which, in this order.
        images: Of each domain, at most.
        progress: Called with the number of images measured, and of all.
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
    """Returns the names of the measures that the fingerprint of a data set has."""
    return measure_names(dataset.channels)
