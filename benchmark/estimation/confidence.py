"""Estimators by confidence: average confidence, and difference of confidences. Both estimate accuracy.

Balanced accuracy is accuracy where the classes are equally frequent. Their papers give no interval: it is that of the
drawing of patients alone.
"""

from __future__ import annotations

import numpy as np

from .drawing import Floats, from_groups
from .evidence import Estimate, Evidence
from .statistics import CALIBRATED, CONFIDENCE, COUNT


def average_confidence(evidence: Evidence) -> Estimate:
    """Estimate the accuracy by the mean confidence, temperature-scaled on source validation.

    Hendrycks and Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution examples"; scaled as by
    Guo et al. 2017, "On calibration of modern neural networks".
    """

    def figure(table: Floats) -> Floats:
        right = np.diagonal(table[..., CALIBRATED:], axis1=-2, axis2=-1)
        return np.asarray(right.sum(axis=-1) / table[..., COUNT].sum(axis=-1))

    return from_groups(evidence, evidence.by_group, figure)


def difference_of_confidences(evidence: Evidence) -> Estimate:
    """Lower the accuracy on source validation by as much as the mean confidence falls.

    Guillory et al. 2021, "Predicting with confidence on unseen distributions" (DoC).
    """
    found = evidence.source.reference

    def figure(table: Floats) -> Floats:
        confidence = table[..., CONFIDENCE].sum(axis=-1) / table[..., COUNT].sum(axis=-1)
        return np.asarray(found.accuracy - (found.confidence - confidence))

    return from_groups(evidence, evidence.by_group, figure)
