"""Statistics of predictions that need no labels, as sums by predicted class, and what they are compared with.

Everything is a function of sums over samples. So another weighting of the samples costs one product: resampled
patients, or another mix of classes where the labels are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .temperature import scaled, temperature

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

COUNT, CONFIDENCE, ABOVE, ABOVE_OWN, ENTROPY, MARGIN, SQUARED_MARGIN = range(7)
CALIBRATED = 7  # the first of K columns: the probability of each class, temperature-scaled
SMALLEST = 1e-7  # probability: about what float32 tells from 0 next to 1
AT_ONCE = 1 << 20  # probabilities that are worked on together


class Recalls(NamedTuple):
    """The recall of each class that is expected without labels.

    Args:
        each: (..., K) 0 of a class of which no sample is expected.
        sizes: (..., K) how many samples of each class are expected.
    """

    each: Floats
    sizes: Floats

    @property
    def mean(self) -> Floats:
        """Over all classes: one of which no sample is expected counts as never recognised."""
        return np.asarray(self.each.mean(axis=-1))

    def mean_of(self, there: NDArray[np.bool_]) -> Floats:
        """Over some classes (K,); over all if there is none."""
        return np.asarray((self.each[..., there] if there.any() else self.each).mean(axis=-1))


@dataclass(frozen=True, eq=False)
class Reference:
    """What source validation says about the confidence of a model.

    Args:
        temperature: Of its scaled probabilities.
        threshold: Of the confidence; the fraction of the samples above it is the accuracy, if `tied` of those at it,
            which many are in hard labels and rounded tables, count as well.
        tied: That share, 0 to 1.
        own: (K,) threshold of the samples that are predicted as each class.
        own_tied: (K,) likewise.
        shares: (K,) fraction of the samples that is predicted as each class.
        confidence: Mean confidence.
        accuracy: Accuracy.
    """

    temperature: float
    threshold: float
    tied: float
    own: Floats
    own_tied: Floats
    shares: Floats
    confidence: float
    accuracy: float


def reference(probabilities: NDArray[np.floating], labels: Labels) -> Reference:
    """Learn the temperature and the thresholds from labelled predictions (N, K) of source validation."""
    exact = np.asarray(probabilities, dtype=np.float64)
    top, guess = exact.max(axis=1), exact.argmax(axis=1)
    classes = exact.shape[1]
    wrong = guess != labels
    threshold, tied = _threshold(top, float(wrong.mean()))
    own = [
        _threshold(top[guess == k], float(wrong[guess == k].mean())) if (guess == k).any() else (1.0, 0.0)
        for k in range(classes)
    ]
    return Reference(
        temperature(np.log(np.maximum(exact, SMALLEST)), labels),
        threshold,
        tied,
        np.array([each for each, _ in own]),
        np.array([share for _, share in own]),
        np.bincount(guess, minlength=classes) / len(guess),
        float(top.mean()),
        float(1 - wrong.mean()),
    )


def _threshold(confidence: Floats, wrong: float) -> tuple[float, float]:
    """Return the confidence that is exceeded as often as predictions are right, and the share of ties that count."""
    found = float(np.quantile(confidence, wrong))
    above, at = (confidence > found).mean(), (confidence == found).mean()
    return found, float(np.clip((1 - wrong - above) / at, 0, 1)) if at else 0.0


def sums(probabilities: NDArray[np.float32], rows: Labels, count: int, found: Reference) -> Floats:
    """Sum the statistics of each sample by row and predicted class.

    Args:
        probabilities: (C, N, K) of C conditions on the same samples.
        rows: (N,) the row that each sample belongs to, 0..count-1: its group or its class.
        count: Number of rows.
        found: Of the model's source validation.

    Returns:
        (C, count, K, 7 + K) sums, in the order of the constants above.
    """
    conditions, samples, classes = probabilities.shape
    step = max(1, AT_ONCE // (samples * classes))
    parts = [_sums(probabilities[at : at + step], rows, count, found) for at in range(0, conditions, step)]
    return np.concatenate(parts)


def _sums(probabilities: NDArray[np.float32], rows: Labels, count: int, found: Reference) -> Floats:
    conditions, _, classes = probabilities.shape
    # class first: many times faster than class last; float64: the six digits of tables are those of any processor
    given = np.moveaxis(probabilities, -1, 0).astype(np.float64, order="C")
    logs = np.log(np.maximum(given, SMALLEST))
    confidence, guess, second = given[0], np.zeros(given.shape[1:], np.int64), np.full_like(given[0], SMALLEST)
    for k in range(1, classes):
        better = given[k] > confidence
        second = np.maximum(second, np.minimum(confidence, given[k]))
        guess[better] = k
        confidence = np.maximum(confidence, given[k])
    margin = np.log(confidence) - np.log(second)
    columns = [
        None,
        confidence,
        _above(confidence, found.threshold, found.tied),
        _above(confidence, found.own[guess], found.own_tied[guess]),
        -(given * logs).sum(axis=0) / np.log(classes),
        margin,
        margin**2,
        *scaled(logs, found.temperature, axis=0),
    ]
    cells = ((np.arange(conditions)[:, None] * count + rows) * classes + guess).ravel()
    size = conditions * count * classes
    summed = [np.bincount(cells, column if column is None else column.ravel(), size) for column in columns]
    return np.stack(summed, axis=-1).reshape(conditions, count, classes, len(columns)).astype(np.float64)


def _above(confidence: Floats, threshold: Floats | float, tied: Floats | float) -> Floats:
    return np.asarray((confidence > threshold) + tied * (confidence == threshold))


def features(table: Floats, found: Reference) -> Floats:
    """Compute the features of predictions, which move when the performance does.

    - mean confidence, the fraction above the threshold, and mean entropy;
    - the mean over the predicted classes of their mean confidence;
    - how far the shares of the predicted classes are from those on source validation;
    - balanced accuracy as the calibrated probabilities, and as the thresholds of each class, have it;
    - mean and standard deviation of the margin over the second class, in logits.

    Args:
        table: (..., K, 7 + K) sums by predicted class.
        found: Of the model's source validation.

    Returns:
        (..., 9).
    """
    means = table / table[..., COUNT].sum(axis=-1)[..., None, None]
    total = means.sum(axis=-2)
    shares = means[..., COUNT]
    classes = shares.shape[-1]
    by_class = np.where(shares > 0, means[..., CONFIDENCE] / np.where(shares > 0, shares, 1), 1 / classes)
    spread = np.sqrt(np.maximum(total[..., SQUARED_MARGIN] - total[..., MARGIN] ** 2, 0))
    return np.stack(
        [
            total[..., CONFIDENCE],
            total[..., ABOVE],
            total[..., ENTROPY],
            by_class.mean(axis=-1),
            np.abs(shares - found.shares).sum(axis=-1),
            expected_recall(means[..., CALIBRATED:]).mean,
            thresholded_recall(means).mean,
            total[..., MARGIN],
            spread,
        ],
        axis=-1,
    )


def expected_recall(calibrated: Floats) -> Recalls:
    """Compute the recall of each class that calibrated probabilities expect.

    Args:
        calibrated: (..., K, K) their sums by predicted class and class.
    """
    right = np.diagonal(calibrated, axis1=-2, axis2=-1)
    total = calibrated.sum(axis=-2)
    return Recalls(np.asarray(right / np.where(total > 0, total, 1)), np.asarray(total))


def thresholded_recall(table: Floats) -> Recalls:
    """Compute the recall of each class if exactly the samples above their class's threshold are right.

    The wrong ones are of the other classes, in proportion to their calibrated probabilities.
    """
    right = table[..., ABOVE_OWN]
    wrong = table[..., COUNT] - right
    others = table[..., CALIBRATED:] * (1 - np.eye(table.shape[-2]))
    total = others.sum(axis=-1, keepdims=True)
    missed = (wrong[..., None] * others / np.where(total > 0, total, 1)).sum(axis=-2)
    size = right + missed
    return Recalls(np.asarray(right / np.where(size > 0, size, 1)), np.asarray(size))


def mixed(by_class: Floats, prevalence: Floats) -> Floats:
    """Weigh the sums of each true class so that the classes are as frequent as given; an absent class is left out.

    Args:
        by_class: (..., K, K, J) sums by true and predicted class.
        prevalence: (K,).
    """
    sizes = by_class[..., COUNT].sum(axis=-1)
    weights = np.where(sizes > 0, prevalence / np.where(sizes > 0, sizes, 1), 0)
    return np.asarray((weights[..., None, None] * by_class).sum(axis=-3))


def balanced_accuracy(by_class: Floats) -> Floats:
    """Compute the mean recall over the classes present from sums by true and predicted class (..., K, K, J)."""
    counts = by_class[..., COUNT]
    sizes = counts.sum(axis=-1)
    recall = np.diagonal(counts, axis1=-2, axis2=-1) / np.where(sizes > 0, sizes, 1)
    return np.asarray(recall.sum(axis=-1) / (sizes > 0).sum(axis=-1))
