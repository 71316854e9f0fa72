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
    made = calibrated(evidence.probabilities, evidence.source.kept(calibration))
    groups, classes = int(evidence.groups.max()) + 1, evidence.classes
    cells = evidence.groups * classes + evidence.probabilities.argmax(axis=1)
    summed = [np.bincount(cells, column, groups * classes) for column in made.T]
    by_group = np.stack(summed, axis=-1).reshape(groups, classes, classes).astype(np.float64)

    return from_recalls(evidence, by_group, expected_recall)


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
