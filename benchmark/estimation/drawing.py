"""The part of an interval that comes from the drawing of patients."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..scoring.bootstrap import resample_counts
from ..scoring.intervals import STILL, unseen
from .evidence import Estimate, Evidence

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


def with_reach(value: float, reach: float, groups: float) -> Estimate:
    """Return an estimate whose interval reaches so far to both sides, within 0 and 1; NaN for no interval.

    What no drawing varies is not certain: a further group may differ from all that were seen.

    Args:
        value: The estimate.
        reach: Half of the interval's width; of none, the interval is as wide as so few groups leave it open.
        groups: Effective number of groups that the estimate rests on.
    """
    if reach <= STILL:
        reach = float(unseen(groups, TAIL))
    low, high = np.clip([value - reach, value + reach], 0, 1).tolist()
    return Estimate(value, low, high)


def from_groups(evidence: Evidence, by_group: Floats, figure: Callable[[Floats], Floats]) -> Estimate:
    """Estimate a figure in [0, 1] from sums by group, with the interval of their drawing alone.

    Args:
        evidence: What is known: source validation, which the figure is set by, may have fewer groups than the site.
        by_group: (G, ...) sums of each group of the site.
        figure: Computes the figure from sums (..., K, J) of any number of weightings.
    """
    value = float(np.clip(figure(by_group.sum(axis=0)), 0, 1))
    reach = REACH * deviation(figure(redrawn(by_group)), len(by_group))
    held = int(evidence.source.validation.groups.max()) + 1
    return with_reach(value, reach, min(len(by_group), held))
