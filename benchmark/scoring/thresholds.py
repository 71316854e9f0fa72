"""Operating points: one threshold per class, frozen on source validation.

AUROC does not show that a threshold drifts at another site; sensitivity and specificity at a frozen one do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .refused import answered


def positives(classes: int) -> range:
    """Return the classes that count as positive in turn: the second of two classes, else every class."""
    return range(1, 2) if classes == 2 else range(classes)


def thresholds(labels: NDArray[np.int64], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Choose one threshold per class (K,), each class against the rest.

    It maximises sensitivity plus specificity (Youden 1950) and lies halfway between two observed values; among equals
    the one closest to 1 / 2 is taken, then the lower one. A class without a positive or without a negative gets 1 / 2,
    as does the first of two classes, of which only the second is thresholded. Refused images do not count.
    """
    classes = probabilities.shape[1]
    kept = answered(probabilities)
    labels, probabilities = labels[kept], probabilities[kept]
    found = np.full(classes, 0.5)
    for k in positives(classes):
        found[k] = _youden(labels == k, probabilities[:, k].astype(np.float64))
    return found


def _youden(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    if positive.all() or not positive.any():
        return 0.5
    values, where = np.unique(scores, return_inverse=True)
    hits = np.bincount(where, positive, len(values))
    others = np.bincount(where, ~positive, len(values))
    reached = np.cumsum(hits[::-1])[::-1] / hits.sum()  # at or above values[i]
    spared = (np.cumsum(others) - others) / others.sum()  # below values[i]
    quality = reached + spared
    below = np.concatenate([[0.0], values[:-1]])
    candidates = (below + values) / 2
    candidates[0] = 0.0
    best = candidates[quality >= quality.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])


def binarise(probabilities: NDArray[np.floating], frozen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Binarise at each class's frozen threshold; a sample may be positive for several classes or for none."""
    return (probabilities >= frozen).astype(np.float64)
