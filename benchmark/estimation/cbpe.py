"""Confidence-based performance estimation: the confusion matrix that calibrated probabilities expect.

As in NannyML (`nannyml.CBPE`): the probability of each class is calibrated by isotonic regression on labelled reference
data, here source validation; rows are divided by their sums. NannyML leaves the calibration out where it does not lower
the calibration error of held-out samples; here it is always done. The interval is that of the drawing of patients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .drawing import Floats, from_recalls
from .evidence import Estimate, Evidence, Source
from .statistics import expected_recall

Steps = list[tuple[Floats, Floats]]  # for each class, probabilities and what they become; of two classes the second


def cbpe(evidence: Evidence) -> Estimate:
    """Estimate balanced accuracy as the mean recall of the expected confusion matrix (`from_recalls`)."""
    known, steps = evidence.source.validation, evidence.source.kept(calibration)
    by_group = _sums(evidence.probabilities, evidence.groups, int(evidence.groups.max()) + 1, steps)
    by_class = _sums(known.probabilities, known.labels, evidence.classes, steps)
    return from_recalls(evidence, by_group, by_class, expected_recall)


def _sums(probabilities: NDArray[np.float32], rows: NDArray[np.int64], count: int, steps: Steps) -> Floats:
    """Sum calibrated probabilities by row and predicted class: (count, K, K)."""
    classes = probabilities.shape[1]
    cells = rows * classes + probabilities.argmax(axis=1)
    summed = [np.bincount(cells, column, count * classes) for column in calibrated(probabilities, steps).T]
    return np.stack(summed, axis=-1).reshape(count, classes, classes).astype(np.float64)


def calibration(source: Source) -> Steps:
    """Fit the isotonic regression of each class on source validation."""
    given, labels = source.validation.probabilities.astype(np.float64), source.validation.labels
    classes = given.shape[1]
    return [isotonic(given[:, k], labels == k) for k in (range(classes) if classes > 2 else [1])]


def calibrated(probabilities: NDArray[np.float32], steps: Steps) -> Floats:
    """Calibrate probabilities (N, K), interpolated between steps and held beyond them; rows sum to 1."""
    given = probabilities.astype(np.float64)
    if given.shape[1] == 2:
        second = np.interp(given[:, 1], *steps[0])
        return np.stack([1 - second, second], axis=1)
    made = np.stack([np.interp(given[:, k], *step) for k, step in enumerate(steps)], axis=1)
    total = made.sum(axis=1, keepdims=True)
    return np.where(total > 0, made / np.where(total > 0, total, 1), 1 / made.shape[1])


def isotonic(given: Floats, wanted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Fit the rising steps nearest to `wanted`; ties are one point.

    Returns:
        Points, rising, and their values.
    """
    from sklearn.isotonic import isotonic_regression  # deferred: most estimators do without

    points, place = np.unique(given, return_inverse=True)
    sizes = np.bincount(place).astype(np.float64)
    values = isotonic_regression(np.bincount(place, wanted) / sizes, sample_weight=sizes)
    return points, np.asarray(values, dtype=np.float64)
