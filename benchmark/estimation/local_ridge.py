"""Ridge regression at a point, in which rows count more the nearer they are to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTY = 0.2  # of a slope, in units of a feature's variance
NEAR = 0.5  # squared distance at which a row counts half of one that is equal
FLAT = 1e-9  # a feature that varies less is constant


@dataclass(frozen=True, eq=False)
class Local:
    """Rows to learn from.

    Args:
        centre: (F,) mean of each feature.
        scale: (F,) its standard deviation.
        rows: (R, F) standardised features.
        truth: (R,) what goes with them.
    """

    centre: Floats
    scale: Floats
    rows: Floats
    truth: Floats

    def predict(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Predict at points (Q, F).

        Returns:
            (Q,) predictions, (Q,) distances to the nearest row in root mean squared standard deviations, and (Q, F)
            slopes by feature.
        """
        given = (points - self.centre) / self.scale
        squares = ((given**2).sum(axis=1)[:, None] + (self.rows**2).sum(axis=1) - 2 * given @ self.rows.T) / len(
            self.centre
        )
        squares = np.maximum(squares, 0)
        weights = 1 / (NEAR + squares)
        weights /= weights.sum(axis=1, keepdims=True)
        middle, level = weights @ self.rows, weights @ self.truth
        count = len(self.centre)
        products = (self.rows[:, :, None] * self.rows[:, None]).reshape(-1, count * count)
        spread = (weights @ products).reshape(-1, count, count) - middle[:, :, None] * middle[:, None]
        together = weights @ (self.rows * self.truth[:, None]) - middle * level[:, None]
        slopes = np.linalg.solve(spread + PENALTY * np.eye(count), together[..., None])[..., 0]
        values = level + ((given - middle) * slopes).sum(axis=1)
        return values, np.sqrt(squares.min(axis=1)), slopes / self.scale


def fit(points: Floats, truth: Floats) -> Local:
    """Standardise rows (R, F) and keep them with their truth (R,)."""
    centre, scale = points.mean(axis=0), points.std(axis=0)
    scale = np.where(scale > FLAT, scale, 1.0)
    return Local(centre, scale, (points - centre) / scale, truth)
