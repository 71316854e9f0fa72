"""Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks"): one number for all logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RANGE = (0.05, 20.0)
STEPS = 60  # of Newton's method, halved where it leaves the range; it is done after about six
CLOSE = 1e-9


def scaled(logs: NDArray[np.floating], temperature: float, axis: int = -1) -> NDArray[np.floating]:
    """Compute probabilities at a temperature from logarithms of probabilities, with the classes along an axis."""
    powers = logs / logs.dtype.type(temperature)
    powers = np.exp(powers - powers.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def temperature(logs: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Find the temperature at which labelled predictions are likeliest; their likelihood has one peak.

    Args:
        logs: (N, K) logarithms of probabilities.
        labels: (N,).
    """
    right = logs[np.arange(len(labels)), labels].mean()
    low, high = 1 / RANGE[1], 1 / RANGE[0]
    inverse = 1.0
    by_class = np.ascontiguousarray(logs.T)  # a reduction over a last axis of two or three is several times slower
    for _ in range(STEPS):
        weights = scaled(by_class, 1 / inverse, axis=0)
        mean = (weights * by_class).sum(axis=0)
        slope = float(mean.mean() - right)
        curvature = float(((weights * by_class**2).sum(axis=0) - mean**2).mean())
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        tried = inverse - slope / curvature if curvature > 0 else inverse
        step = tried if low < tried < high else (low + high) / 2
        if abs(step - inverse) < CLOSE * inverse:
            break
        inverse = step
    return float(1 / inverse)
