"""The expected calibration error (ECE) less what few samples add to it, and its interval.

ECE sums absolute gaps between confidence and accuracy over bins. Noise in a gap does not cancel in an absolute value,
so the ECE of a perfectly calibrated model is not 0 but the sum of the noise in all bins: .15 for 40 samples of 20
patients. So the figure is shrunk: of the squared gaps, the part that their standard errors explain is noise, and ECE is
multiplied by the root of the fraction that is left. Of the corrections that were tried, this one is the least biased
over calibrated and miscalibrated models (`tests/studies/ece_coverage.py`): subtracting the bootstrap's own inflation
leaves more than half of the noise of a calibrated model, and subtracting all gaps within two standard errors hides real
ones.

The interval is wider: from the usual figure, it reaches down by the inflation that is expected if all gaps that could
be noise are noise; gaps of more than two standard errors are taken as real. Its upper end is not lowered, as the noise
may also hide real gaps.

It also reaches further to both sides where few errors were seen: none among 24 patients does not mean that there are
none, though no resample varies. The error rate may be as high as Clopper and Pearson's upper end (1934, Biometrika 26),
and each further error changes ECE by as much at most.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bootstrap import LEVEL
from .metrics import BINS, top_class, top_gaps

REAL = 2.0  # standard errors from which a gap is taken as real
FEW_ERRORS = 5  # groups' worth of errors; with more, resamples vary as the error rate does
TAIL = (1 - LEVEL) / 2
Floats = NDArray[np.float64]


class Corrected(NamedTuple):
    """ECE less what noise adds.

    Args:
        value: At least 0, at most the usual ECE.
        replicates: (B,) with this value as their mean; some may be below 0.
        excess: How much further down and up from the value the interval reaches than their variance explains.
    """

    value: float
    replicates: Floats
    excess: tuple[float, float]


def corrected(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating], groups: NDArray[np.int64], values: Floats
) -> list[Corrected]:
    """Correct ECEs and their replicates for the noise of few samples.

    Args:
        labels: (N,) classes.
        probabilities: (C, N, K) of C conditions on the same samples.
        groups: (N,) whose sample it is, 0..G-1.
        values: (C, 1 + B) the usual ECE, then its replicates on resampled groups.
    """
    if len(groups) == 0 or groups.max() == 0:  # one group shows no noise
        return [Corrected(float(one[0]), one[1:], (0.0, 0.0)) for one in values]
    gaps, errors = _noise(labels, probabilities, groups)
    squares, noise = (gaps**2).sum(axis=1), (errors**2).sum(axis=1)
    kept = np.sqrt(np.maximum(0, 1 - noise / np.where(squares > 0, squares, 1)))
    wrong = np.mean(top_class(probabilities)[0] != labels, axis=1)
    count = int(groups.max()) + 1
    undefined = np.asarray(np.isnan(values[:, 1:]))
    whole = np.asarray(~undefined.any(axis=1))  # rows without an undefined replicate: all, as a rule
    found = []
    for row, one in enumerate(values):
        usual, replicates = float(one[0]), one[1:]
        if math.isnan(usual):
            found.append(Corrected(usual, replicates, (0.0, 0.0)))
            continue
        value = usual * float(kept[row]) if squares[row] else usual
        defined = replicates if whole[row] else replicates[~undefined[row]]
        down, up = _excess(gaps[row], errors[row], defined, float(wrong[row]), count)
        if defined.size:
            replicates = replicates + (value - defined.mean())
        found.append(Corrected(value, replicates, (max(0.0, down - (usual - value)), up + usual - value)))
    return found


def _noise(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating], groups: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return (C, BINS) the size of the gap of each bin, as a share of ECE, and its standard error over groups."""
    conditions, count = len(probabilities), int(groups.max()) + 1
    gaps, bins = top_gaps(labels, probabilities)
    size = np.bincount(groups, minlength=count)
    cells = (np.arange(conditions)[:, None] * count + groups) * BINS + bins
    share = np.bincount(cells.ravel(), gaps.ravel(), conditions * count * BINS) / len(labels)
    share = share.reshape(conditions, count, BINS)
    gap = share.sum(axis=1)
    rest = share - gap[:, None] * (size / len(labels))[:, None]  # of a ratio: groups differ in size
    return np.abs(gap), np.sqrt(count / (count - 1) * (rest**2).sum(axis=1))


def _excess(gap: Floats, error: Floats, defined: Floats, wrong: float, count: int) -> tuple[float, float]:
    """Return how much further down and up from the usual ECE the interval reaches than its variance explains.

    Args:
        gap: (BINS,) as `_noise` returns them.
        error: (BINS,) likewise.
        defined: ECE on resampled groups, where it is defined.
        wrong: Error rate.
        count: Number of groups.
    """
    gap, error = gap[error > 0], error[error > 0]
    real = np.where(gap > REAL * error, gap, 0) / error
    # the mean of |gap + noise| is at most the root of the mean square
    inflation = float(((np.sqrt(1 + real**2) - real) * error).sum())
    if wrong * count >= FEW_ERRORS or not defined.size:
        return inflation, 0.0
    from scipy.special import betaincinv, stdtrit  # deferred: `--help` must stay fast

    most = float(betaincinv(wrong * count + 1, count - wrong * count, 1 - TAIL))
    student = float(stdtrit(count - 1, 1 - TAIL))
    reach = student * math.sqrt(count / (count - 1)) * float(defined.std())
    unseen = max(0.0, most - wrong - reach)
    return max(inflation, unseen), unseen
