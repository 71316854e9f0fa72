"""Metrics, computed for many weightings of the groups at once, so that a bootstrap is one call.

All have the same signature. For N samples, K classes, G groups and B weightings:

- labels: (N,) int, 0..K-1;
- probabilities: (N, K) float; or (C, N, K) for C conditions on the same samples at once;
- groups: (N,) int, 0..G-1, whose sample it is;
- weights: (B, G) float, how often a group and each of its samples counts;
- returns (B,) or (C, B) float64, NaN where undefined.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, near
from .auroc import Floats, Labels, binary_auroc, ratio
from .thresholds import positives

Function: TypeAlias = Callable[[Labels, NDArray[np.floating], Labels, Floats], Floats]

BINS = 15  # bins of the calibration error, as usual since Guo et al. 2017
FEW_CLASSES = 7  # up to which NumPy, too, sums one after the other: the bits are the same
_EDGES = np.arange(1, BINS + 1) / BINS
# a table's .6 is read as float32, whose nearest number is a little above: it still belongs to the bin that ends at .6
UPPER_EDGES = np.maximum(_EDGES, _EDGES.astype(np.float32))
_last: tuple[weakref.ref[NDArray[np.floating]], tuple[Labels, NDArray[np.floating]]] | None = None  # of `top_class`


@dataclass(frozen=True)
class Metric:
    """A metric and its properties.

    Args:
        title: As printed.
        function: The metric.
        higher_is_better: If False, lower is better.
        inflated: Few samples raise it on average, as noise adds to an absolute value: what is shown leaves that out,
            and its interval allows for it, see `calibration`. Cards claim what the function returns.
        operating: It takes binarised predictions (`thresholds.binarise`) instead of probabilities.
        by_class: It weighs all classes equally, so the rarest decides how certain it is.
        of: Of two classes, the one whose samples alone it looks at.
        hits: Labels and what the function is given -> (..., N) what is right, of a mean of recalls.
        turned: Labels and probabilities -> (C, 2) by how much a sample that is right would raise the metric if it were
            wrong, and one that is wrong lower it if it were right, on average: of a mean over samples.
        most: Its highest value; the lowest is zero.
        chance: Number of classes -> score of guessing; None if that is not a fixed number.
    """

    title: str
    function: Function
    higher_is_better: bool
    inflated: bool = False
    operating: bool = False
    by_class: bool = False
    of: int | None = None
    hits: Callable[[Labels, NDArray[np.floating]], NDArray[np.bool_]] | None = None
    turned: Callable[[Labels, NDArray[np.floating]], Floats] | None = None
    most: float = 1.0
    chance: Callable[[int], float] | None = None


def balanced_accuracy(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Mean recall over the classes present, the prediction being the most probable class (ties: the first).

    Higher is better. NaN where no sample counts, and everywhere if all samples are of one class: its recall alone says
    nothing of the others, and must not enter a mean over sites. If a resample draws only one of several classes, its
    recall is kept, so that a mean over small sites does not lose most of its resamples.
    """
    if (labels == labels[:1]).all():
        return np.full((*probabilities.shape[:-2], len(weights)), np.nan)
    classes, size = probabilities.shape[-1], weights.shape[1]
    hits = top_class(probabilities)[0] == labels
    recalls = []
    for k in range(classes):
        mine = labels == k
        right = _weighted_sums(weights, _summed(hits[..., mine], groups[mine], size))
        recalls.append(ratio(right, weights @ np.bincount(groups[mine], minlength=size).astype(np.float64)))
    return _mean_of_defined(recalls)


def auroc(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Area under the ROC curve: for two classes that of `p1`, else the one-versus-rest mean over the classes present.

    Higher is better. NaN where fewer than two classes are present.
    """
    return _mean_of_defined(
        [binary_auroc(labels == k, probabilities[..., k], groups, weights) for k in positives(probabilities.shape[-1])]
    )


def ece(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Expected calibration error of the top class, over 15 bins (b/15, (b+1)/15] of its probability.

    Lower is better. NaN where no sample counts. Biased upwards for few samples: what is shown is corrected, see
    `calibration`.
    """
    gaps, bins = top_gaps(labels, probabilities)
    size = weights.shape[1]
    gap = _summed(gaps, groups * BINS + bins, size * BINS)
    table = gap.reshape(-1, size, BINS)
    error = np.zeros((len(table), len(weights)))
    # bin by bin, of those that occur: with two classes, none of the lower half does
    for number in np.flatnonzero(np.bincount(bins.ravel(), minlength=BINS)):
        part = np.ascontiguousarray(table[:, :, number]) @ weights.T
        error += np.abs(part, out=part)
    total = weights @ np.bincount(groups, minlength=size).astype(np.float64)
    return ratio(error.reshape(*gaps.shape[:-1], -1), total)


def top_gaps(labels: Labels, probabilities: NDArray[np.floating]) -> tuple[Floats, Labels]:
    """Return by how much the top class of each sample (..., N) is more right than sure, and its bin."""
    predicted, highest = top_class(probabilities)
    top = highest.astype(np.float64)
    return (predicted == labels) - top, confidence_bins(top)


def top_class(probabilities: NDArray[np.floating]) -> tuple[Labels, NDArray[np.floating]]:
    """Return the most probable class of each sample (..., N), ties the first, and its probability.

    Of the last array that nobody can write to, it is remembered: several metrics ask for it, one after the other.
    """
    global _last
    if _last is not None and _last[0]() is probabilities:
        return _last[1]
    found = _top_class(probabilities)
    if not probabilities.flags.writeable and probabilities.base is None:
        _last = weakref.ref(probabilities, _forget), found
    return found


def _forget(gone: weakref.ref[NDArray[np.floating]]) -> None:
    global _last
    if _last is not None and _last[0] is gone:
        _last = None


def _top_class(probabilities: NDArray[np.floating]) -> tuple[Labels, NDArray[np.floating]]:
    """Go class by class: a reduction over a last axis of two or three is several times slower."""
    highest = probabilities[..., 0]
    predicted = np.zeros(highest.shape, np.int64)
    for k in range(1, probabilities.shape[-1]):
        more = probabilities[..., k] > highest
        predicted = np.where(more, np.int64(k), predicted)
        highest = np.where(more, probabilities[..., k], highest)
    return predicted, highest


def confidence_bins(top: NDArray[np.floating]) -> Labels:
    """Return the bin of each probability, 0..BINS-1; an edge, and float32's nearest to it, are in the lower bin."""
    return np.minimum(np.searchsorted(UPPER_EDGES, top, side="left"), BINS - 1)


def brier(labels: Labels, probabilities: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Brier score: the squared distance of the probabilities from the truth, summed over the classes.

    Between 0 and 2, which a refused image has; lower is better. NaN where no sample counts.
    """
    exact = probabilities.astype(np.float64)
    truth = exact[..., np.arange(len(labels)), labels]
    distance = np.minimum(_over_classes(exact**2) - 2 * truth + 1, 2.0)
    size = weights.shape[1]
    total = weights @ np.bincount(groups, minlength=size).astype(np.float64)
    return ratio(_weighted_sums(weights, _summed(distance, groups, size)), total)


def _brier_turned(labels: Labels, probabilities: NDArray[np.floating]) -> Floats:
    """Return (C, 2): mean rise of right samples if of their least probable class, mean fall of others if right."""
    top, highest = top_class(probabilities)
    right = top == labels
    own = probabilities[..., np.arange(len(labels)), labels].astype(np.float64)
    rise, fall = own - probabilities.min(axis=-1), highest - own
    means = [ratio((2 * by * of).sum(axis=-1), of.sum(axis=-1)) for by, of in ((rise, right), (fall, ~right))]
    return np.stack(means, axis=-1)


def sensitivity(labels: Labels, binarised: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Sensitivity at frozen thresholds: the mean over the classes present, or that of the second of two classes.

    Higher is better. NaN where no sample is positive.
    """
    return _rates(labels, binarised, groups, weights, of_positives=True)


def specificity(labels: Labels, binarised: NDArray[np.floating], groups: Labels, weights: Floats) -> Floats:
    """Specificity at frozen thresholds: the mean over the classes, or that of the second of two classes.

    Higher is better. NaN where no sample is negative.
    """
    return _rates(labels, binarised, groups, weights, of_positives=False)


def _right(labels: Labels, probabilities: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray(top_class(probabilities)[0] == labels)


def _reached(labels: Labels, binarised: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray(binarised[..., np.arange(len(labels)), labels] > 0.5)


METRICS = {
    "balanced_accuracy": Metric(
        "balanced accuracy",
        balanced_accuracy,
        higher_is_better=True,
        by_class=True,
        hits=_right,
        chance=lambda classes: 1 / classes,
    ),
    "auroc": Metric("AUROC", auroc, higher_is_better=True, by_class=True, chance=lambda classes: 0.5),
    "ece": Metric("ECE", ece, higher_is_better=False, inflated=True),
    "brier": Metric("Brier score", brier, higher_is_better=False, turned=_brier_turned, most=2.0),
    "sensitivity": Metric(
        "sensitivity", sensitivity, higher_is_better=True, operating=True, by_class=True, of=1, hits=_reached
    ),
    "specificity": Metric("specificity", specificity, higher_is_better=True, operating=True, by_class=True, of=0),
}


def metric_title(name: str, positive: str) -> str:
    """Return the title of a metric, with the class that it is for: `sensitivity for abnormal`.

    Args:
        name: Name of the metric.
        positive: `Protocol.positive`.
    """
    title = METRICS[name].title
    return f"{title} for {positive}" if positive and (METRICS[name].operating or name == "auroc") else title


def metrics_by_name(names: Sequence[str]) -> dict[str, Metric]:
    """Return metrics by name, in the order given; an unknown name raises MedshiftError with near names."""
    for name in names:
        if name not in METRICS:
            raise MedshiftError(f"unknown metric {name!r}.{near(name, METRICS)}")
    return {name: METRICS[name] for name in names}


def _rates(
    labels: Labels, binarised: NDArray[np.floating], groups: Labels, weights: Floats, of_positives: bool
) -> Floats:
    size = weights.shape[1]
    rates = []
    for k in positives(binarised.shape[-1]):
        mine = (labels == k) == of_positives
        right = _summed(((binarised[..., k] > 0.5) == of_positives)[..., mine], groups[mine], size)
        count = weights @ np.bincount(groups[mine], minlength=size).astype(np.float64)
        rates.append(ratio(_weighted_sums(weights, right), count))
    return _mean_of_defined(rates)


def _summed(values: NDArray[np.generic], cells: Labels, size: int) -> Floats:
    """Sum values (..., N) by cell, (N,) or (..., N); return (..., size)."""
    lead = values.shape[:-1]
    count = int(np.prod(lead))
    cells = np.broadcast_to(cells, values.shape).reshape(count, -1)
    spread = (cells + size * np.arange(count)[:, None]).ravel()
    return np.bincount(spread, values.ravel(), count * size).astype(np.float64).reshape(*lead, size)


def _weighted_sums(weights: Floats, table: Floats) -> Floats:
    """Sum a table (..., G) over groups under every weighting, as one product; return (..., B)."""
    return (table.reshape(-1, table.shape[-1]) @ weights.T).reshape(*table.shape[:-1], -1)


def _mean_of_defined(tables: Sequence[Floats]) -> Floats:
    """Average tables of one shape, cell by cell, without those that are NaN; NaN where all are."""
    if len(tables) == 1:
        return tables[0]
    present = [~np.isnan(table) for table in tables]
    count, total = present[0].astype(np.int64), np.where(present[0], tables[0], 0)
    for defined, table in zip(present[1:], tables[1:], strict=True):
        count += defined
        total += np.where(defined, table, 0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _over_classes(table: Floats) -> Floats:
    """Sum over the last axis, class by class where they are few: a reduction is several times slower (`top_class`)."""
    if not 0 < table.shape[-1] <= FEW_CLASSES:
        return np.asarray(table.sum(axis=-1))
    total = table[..., 0].copy()
    for k in range(1, table.shape[-1]):
        total += table[..., k]
    return total
