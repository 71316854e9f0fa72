"""Metrics under many weightings of the groups at once, so that a bootstrap is one call.

All have one signature. For N samples, K classes, G groups and B weightings:

- labels: (N,) int, 0..K-1;
- probabilities: (N, K) float; or (C, N, K) of C conditions on the same samples, at once;
- groups: (N,) int, 0..G-1, whose sample it is;
- weights: (B, G) float, how often a group counts; its samples all count as often;
- returns (B,) or (C, B) float64, NaN where undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, near
from .auroc import Floats, Labels, binary_auroc, ratio
from .thresholds import positives

Function: TypeAlias = Callable[[Labels, NDArray[np.floating], Labels, Floats], Floats]

BINS = 15  # of the calibration error, as is usual since Guo et al. 2017


@dataclass(frozen=True)
class Metric:
    """A metric and which way it points.

    Args:
        title: As printed.
        function: The metric.
        higher_is_better: Or lower.
        inflated: Resampling raises it on average, as it adds noise to what is an absolute value; its replicates are
            moved back, so that their mean is the figure itself.
        operating: It takes, instead of probabilities, which classes reach their threshold (`operating.called`).
        by_class: It weighs the classes alike, so the rarest decides how certain it is.
        most: The highest value that it has; the lowest is zero.
        chance: Classes -> what guessing scores; None where that is no fixed number.
    """

    title: str
    function: Function
    higher_is_better: bool
    inflated: bool = False
    operating: bool = False
    by_class: bool = False
    most: float = 1.0
    chance: Callable[[int], float] | None = None


def balanced_accuracy(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Returns the mean recall over the classes present, the prediction being the most probable class (ties: the first).

    Higher is better. NaN where no sample counts.
    """
    classes = probabilities.shape[-1]
    cells, size = groups * classes + labels, weights.shape[1] * classes
    hits = _summed(probabilities.argmax(axis=-1) == labels, cells, size)
    right = _drawn(weights, hits.reshape(*hits.shape[:-1], -1, classes))
    count = weights @ np.bincount(cells, minlength=size).reshape(-1, classes).astype(np.float64)
    return _mean_where(count > 0, right / np.where(count > 0, count, 1))


def auroc(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Returns the area under the ROC curve: of two classes that of `p1`, else one-versus-rest, mean over those present.

    Higher is better. NaN where fewer than two classes are present.
    """
    areas = [
        binary_auroc(labels == k, probabilities[..., k], groups, weights) for k in positives(probabilities.shape[-1])
    ]
    table = np.stack(areas, axis=-1)
    return _mean_where(~np.isnan(table), table)


def ece(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Returns the expected calibration error of the top class, over 15 bins (b/15, (b+1)/15] of its probability.

    Lower is better. NaN where no sample counts. Biased upwards for few samples: compare at equal n.
    """
    top = probabilities.max(axis=-1).astype(np.float64)
    gaps = (probabilities.argmax(axis=-1) == labels) - top
    bins = np.clip(np.ceil(top * BINS).astype(np.int64) - 1, 0, BINS - 1)
    size = weights.shape[1]
    gap = _summed(gaps, groups * BINS + bins, size * BINS)
    total = weights @ np.bincount(groups, minlength=size).astype(np.float64)
    error = np.abs(_drawn(weights, gap.reshape(*gap.shape[:-1], -1, BINS))).sum(axis=-1)
    return ratio(error, total)


def brier(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Returns the Brier score: the squared distance of the probabilities from the truth, summed over the classes.

    Between 0 and 2; lower is better. NaN where no sample counts.
    """
    exact = probabilities.astype(np.float64)
    truth = exact[..., np.arange(len(labels)), labels]
    distance = (exact**2).sum(axis=-1) - 2 * truth + 1
    size = weights.shape[1]
    total = weights @ np.bincount(groups, minlength=size).astype(np.float64)
    return ratio(_drawn(weights, _summed(distance, groups, size)[..., None])[..., 0], total)


def sensitivity(labels: Labels, called: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Returns the share of a class's samples that are called it; of more than two classes, the mean over those present.

    Of two classes that of the second. Higher is better. NaN where no sample is positive.
    """
    return _rates(labels, called, groups, weights, of_positives=True)


def specificity(labels: Labels, called: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Returns the share of the other samples that are not called a class; of more than two, the mean over the classes.

    Of two classes that of the second. Higher is better. NaN where no sample is negative.
    """
    return _rates(labels, called, groups, weights, of_positives=False)


METRICS = {
    "balanced_accuracy": Metric(
        "balanced accuracy", balanced_accuracy, higher_is_better=True, by_class=True, chance=lambda classes: 1 / classes
    ),
    "auroc": Metric("AUROC", auroc, higher_is_better=True, by_class=True, chance=lambda classes: 0.5),
    "ece": Metric("ECE", ece, higher_is_better=False, inflated=True),
    "brier": Metric("Brier score", brier, higher_is_better=False, most=2.0),
    "sensitivity": Metric("sensitivity", sensitivity, higher_is_better=True, operating=True, by_class=True),
    "specificity": Metric("specificity", specificity, higher_is_better=True, operating=True, by_class=True),
}


def metrics_by_name(names: Sequence[str]) -> dict[str, Metric]:
    """Returns metrics by name, in the order asked for; an unknown one raises MedshiftError with near names."""
    for name in names:
        if name not in METRICS:
            raise MedshiftError(f"unknown metric {name!r}.{near(name, METRICS)}")
    return {name: METRICS[name] for name in names}


def _rates(labels: Labels, called: NDArray[np.floating], groups: Labels, weights: Floats, of_positives: bool) -> Floats:
    size = weights.shape[1]
    rates = []
    for k in positives(called.shape[-1]):
        mine = (labels == k) == of_positives
        right = _summed(((called[..., k] > 0.5) == of_positives)[..., mine], groups[mine], size)
        count = weights @ np.bincount(groups[mine], minlength=size).astype(np.float64)
        rates.append(ratio(_drawn(weights, right[..., None])[..., 0], count))
    table = np.stack(rates, axis=-1)
    return _mean_where(~np.isnan(table), table)


def _summed(values: NDArray[np.generic], cells: Labels, size: int) -> Floats:
    """Returns (..., size) the sums of (..., N) values by cell; cells are (N,) or (..., N)."""
    lead = values.shape[:-1]
    count = int(np.prod(lead))
    cells = np.broadcast_to(cells, values.shape).reshape(count, -1)
    spread = (cells + size * np.arange(count)[:, None]).ravel()
    return np.bincount(spread, values.ravel(), count * size).astype(np.float64).reshape(*lead, size)


def _drawn(weights: Floats, table: Floats) -> Floats:
    """Returns (..., B, X) the sums of a table (..., G, X) under every weighting, as one product."""
    flat = np.moveaxis(table, -2, 0)
    return np.moveaxis((weights @ flat.reshape(len(flat), -1)).reshape(-1, *flat.shape[1:]), 0, -2)


def _mean_where(present: NDArray[np.bool_], values: Floats) -> Floats:
    """Returns the mean over the last axis where present; NaN where there is none."""
    count = present.sum(axis=-1)
    total = np.where(present, values, 0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
