"""The part of an interval that comes from the drawing of patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..scoring.bootstrap import resample_counts
from ..scoring.intervals import STILL, unseen
from .evidence import Estimate, Evidence
from .statistics import Recalls

Floats = NDArray[np.float64]

REPLICATES = 200
TAIL = 0.05  # beyond each end of a 90 % interval


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


def reach_of(error: float, groups: float) -> float:
    """Return half of the width of a 90 % interval, by Student's t: few groups show their own spread only roughly.

    Args:
        error: The standard error.
        groups: Effective number of groups that show it; infinite for one that is known.
    """
    from scipy.special import stdtrit  # deferred: `--help` must stay fast

    return float(stdtrit(max(groups - 1, 1.0), 1 - TAIL)) * error


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
    reach = reach_of(deviation(figure(redrawn(by_group)), len(by_group)), len(by_group))
    held = int(evidence.source.validation.groups.max()) + 1
    return with_reach(value, reach, min(len(by_group), held))


def from_recalls(
    evidence: Evidence, by_group: Floats, by_class: Floats, recalls: Callable[[Floats], Recalls]
) -> Estimate:
    """Estimate balanced accuracy by expected recalls, as `from_groups` does.

    A class of which hardly a sample is expected may be absent from the site, and would not count, or never be
    recognised. Nothing in the predictions tells one from the other: it counts as the latter, and the interval reaches
    as far up as the figure would be without it. Hardly: one, or no more than mistakes on source validation explain.

    Args:
        evidence: What is known.
        by_group: (G, K, J) sums of each group of the site by predicted class.
        by_class: (K, K, J) those of each true class of source validation.
        recalls: Computes the recalls from sums (..., K, J) of any number of weightings.
    """
    found = from_groups(evidence, by_group, lambda table: recalls(table).mean)
    labels, samples = evidence.source.validation.labels, len(evidence.groups)
    classes = len(by_class)
    others = np.maximum(len(labels) - np.bincount(labels, minlength=classes), 1)
    mistakes = recalls(by_class.sum(axis=0) - by_class).sizes.diagonal() / others * samples
    expected = recalls(by_group.sum(axis=0))
    without = float(expected.mean_of(expected.sizes >= 1 + mistakes + 2 * np.sqrt(mistakes)))
    return replace(found, high=max(found.high, min(1.0, without + found.high - found.value)))
