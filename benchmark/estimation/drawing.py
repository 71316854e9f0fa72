"""The part of an interval that comes from the drawing of patients."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..scoring.bootstrap import resample_counts
from ..scoring.intervals import STILL, unseen
from .evidence import Estimate

Floats = NDArray[np.float64]

REPLICATES = 200
REACH = 1.6449  # standard errors of a normal's 90 % interval
TAIL = 0.05  # beyond each of its ends


@lru_cache(maxsize=32)
def weights(groups: int) -> Floats:
    """Draw groups with replacement: (REPLICATES, groups) how often each is drawn, always the same."""
    return resample_counts(groups, REPLICATES, 0, "estimation")


def redrawn(by_group: Floats) -> Floats:
    """Sum statistics (G, ...) over redrawn groups: (REPLICATES, ...)."""
    count = len(by_group)
    return (weights(count) @ by_group.reshape(count, -1)).reshape(-1, *by_group.shape[1:])


def deviation(replicates: Floats, groups: int) -> float:
    """Compute the standard error of a figure from its replicates; NaN for a single group, which shows no spread."""
    return float(replicates.std() * np.sqrt(groups / (groups - 1))) if groups > 1 else float("nan")


def with_reach(value: float, reach: float) -> Estimate:
    """Return an estimate whose interval reaches so far to both sides, within 0 and 1; NaN for no interval."""
    low, high = np.clip([value - reach, value + reach], 0, 1).tolist()
    return Estimate(value, low, high)


def from_groups(by_group: Floats, figure: Callable[[Floats], Floats]) -> Estimate:
    """Estimate a figure in [0, 1] from sums by group, with the interval of their drawing alone.

    Args:
        by_group: (G, ...) sums of each group.
        figure: Computes the figure from sums (..., K, J) of any number of weightings.
    """
    value = float(np.clip(figure(by_group.sum(axis=0)), 0, 1))
    reach = REACH * deviation(figure(redrawn(by_group)), len(by_group))
    if reach <= STILL:  # what no drawing varies is not certain: a further group may differ from all that were seen
        reach = float(unseen(len(by_group), TAIL))
    return with_reach(value, reach)
