"""The interval of the expected calibration error (ECE), which few samples raise above the true one.

ECE sums absolute gaps between confidence and accuracy over bins. Noise in a gap does not cancel in an absolute value,
so the ECE of a perfectly calibrated model is not 0 but the sum of the noise in all bins: .15 for 40 samples of 20
patients. An interval of the measured value would lie above the truth. So it reaches further down, by the inflation that
is expected if all gaps that could be noise are noise; gaps of more than two standard errors are taken as real.

It also reaches further to both sides where few errors were seen: none among 24 patients does not mean that there are
none, though no resample varies. The error rate may be as high as Clopper and Pearson's upper end (1934, Biometrika 26),
and each further error changes ECE by as much at most.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .bootstrap import LEVEL
from .metrics import BINS, top_gaps

REAL = 2.0  # standard errors from which a gap is taken as real
FEW_ERRORS = 5  # groups' worth of errors; with more, resamples vary as the error rate does
TAIL = (1 - LEVEL) / 2
Floats = NDArray[np.float64]


def excess(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating], groups: NDArray[np.int64], replicates: Floats
) -> tuple[float, float]:
    """Return how much further down and up the interval of ECE reaches than the variance of its replicates explains.

    Args:
        labels: (N,) classes.
        probabilities: (N, K).
        groups: (N,) whose sample it is, 0..G-1.
        replicates: (B,) ECE on resampled groups.
    """
    from scipy.special import betaincinv, stdtrit  # deferred: `--help` must stay fast

    count = int(groups.max()) + 1 if len(groups) else 0
    if count < 2:
        return 0.0, 0.0
    gaps, bins = top_gaps(labels, probabilities)
    size = np.bincount(groups, minlength=count)
    share = np.bincount(groups * BINS + bins, gaps, count * BINS).reshape(count, BINS) / len(labels)
    gap = share.sum(axis=0)
    rest = share - gap * (size / len(labels))[:, None]  # of a ratio: groups differ in size
    error = np.sqrt(count / (count - 1) * (rest**2).sum(axis=0))
    seen = error > 0
    gap, error = np.abs(gap[seen]), error[seen]
    real = np.where(gap > REAL * error, gap, 0) / error
    # the mean of |gap + noise| is at most the root of the mean square
    inflation = float(((np.sqrt(1 + real**2) - real) * error).sum())
    defined = replicates[~np.isnan(replicates)]
    wrong = float(np.mean(probabilities.argmax(axis=1) != labels))
    if wrong * count >= FEW_ERRORS or not defined.size:
        return inflation, 0.0
    most = float(betaincinv(wrong * count + 1, count - wrong * count, 1 - TAIL))
    student = float(stdtrit(count - 1, 1 - TAIL))
    reach = student * math.sqrt(count / (count - 1)) * float(defined.std())
    unseen = max(0.0, most - wrong - reach)
    return max(inflation, unseen), unseen


def recentred(value: float, replicates: Floats) -> Floats:
    """Shift the replicates of ECE so that their mean is its value, none below zero."""
    if not len(replicates) or np.isnan(replicates).all():
        return replicates
    return np.maximum(replicates + value - np.nanmean(replicates), 0)
