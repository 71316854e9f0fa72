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

from .intervals import FEW_ERRORS, TAIL, further_errors
from .metrics import BINS, top_class, top_gaps

REAL = 2.0  # standard errors from which a gap is taken as real
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
    wrong = np.mean(top_class(probabilities)[0] != labels, axis=1)
    undefined = np.isnan(values)
    partly = np.flatnonzero(undefined.any(axis=1))
    found = [Corrected(float(one[0]), one[1:], (0.0, 0.0)) for one in values]
    whole = np.setdiff1d(np.arange(len(values)), partly)  # conditions without an undefined replicate: all, as a rule
    parts = [(whole, values if not len(partly) else values[whole])] if len(whole) else []
    parts += [(np.array([row]), values[row : row + 1, ~undefined[row]]) for row in partly]
    for rows, defined in parts:
        usual = values[rows, 0]
        if np.isnan(usual).any():
            continue
        squares, noise = (gaps[rows] ** 2).sum(axis=1), (errors[rows] ** 2).sum(axis=1)
        kept = np.sqrt(np.maximum(0, 1 - noise / np.where(squares > 0, squares, 1)))
        value = np.where(squares > 0, usual * kept, usual)
        down, up = _excess(gaps[rows], errors[rows], defined[:, 1:], wrong[rows], int(groups.max()) + 1)
        excess = np.stack([np.maximum(0.0, down - (usual - value)), up + usual - value], axis=1).tolist()
        means = defined[:, 1:].mean(axis=1) if defined.shape[1] > 1 else usual
        again = values[rows, 1:] + (value - means)[:, None]
        for row, own, replicates, (below, above) in zip(rows, value.tolist(), again, excess, strict=True):
            found[row] = Corrected(own, replicates, (below, above))
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


def _excess(gap: Floats, error: Floats, defined: Floats, wrong: Floats, count: int) -> tuple[Floats, Floats]:
    """Return how much further down and up from the usual ECE the intervals reach than their variance explains.

    Args:
        gap: (C, BINS) as `_noise` returns them.
        error: (C, BINS) likewise.
        defined: (C, B) ECE on resampled groups, where it is defined.
        wrong: (C,) error rates.
        count: Number of groups.
    """
    real = np.where(gap > REAL * error, gap, 0) / np.where(error > 0, error, 1)
    # the mean of |gap + noise| is at most the root of the mean square
    inflation = ((np.sqrt(1 + real**2) - real) * error).sum(axis=1)
    unseen = np.zeros(len(gap))
    few = np.flatnonzero(wrong * count < FEW_ERRORS)
    if len(few) and defined.size:
        from scipy.special import stdtrit  # deferred: `--help` must stay fast

        more = further_errors(wrong[few], count)
        student = float(stdtrit(count - 1, 1 - TAIL))
        reach = student * math.sqrt(count / (count - 1)) * defined[few].std(axis=1)
        unseen[few] = np.maximum(0.0, more - reach)
    return np.maximum(inflation, unseen), unseen
