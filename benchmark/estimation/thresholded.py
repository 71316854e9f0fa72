"""Estimators by a threshold of confidence: the samples above it count as right. The intervals: drawing of patients."""

from __future__ import annotations

import numpy as np

from .drawing import Floats, from_groups, from_recalls
from .evidence import Estimate, Evidence
from .statistics import ABOVE, COUNT, sums, thresholded_recall


def atc(evidence: Evidence) -> Estimate:
    """Estimate the accuracy by the fraction above the threshold that gives the accuracy on source validation.

    Garg et al. 2022, "Leveraging unlabeled data to predict out-of-distribution performance" (average thresholded
    confidence, of the maximum).
    """

    def figure(table: Floats) -> Floats:
        return np.asarray(table[..., ABOVE].sum(axis=-1) / table[..., COUNT].sum(axis=-1))

    return from_groups(evidence, evidence.by_group, figure)


def atc_by_class(evidence: Evidence) -> Estimate:
    """Estimate balanced accuracy by one threshold for each predicted class.

    Li et al. 2022, "Estimating model performance under domain shifts with class-specific confidence scores" (CS-ATC).
    A sample below the threshold is of another class, in proportion to its calibrated probabilities.
    """
    known = evidence.source.validation
    by_class = sums(known.probabilities[None], known.labels, evidence.classes, evidence.source.reference)[0]
    return from_recalls(evidence, evidence.by_group, by_class, thresholded_recall)
