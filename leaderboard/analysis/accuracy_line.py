"""Accuracy on the line: a fit of shifted against clean figures across entries, and its residuals.

Taori et al. 2020 and Miller et al. 2021: how far an entry lies above the line is its effective robustness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ...benchmark.scoring.metrics import METRICS
from ..ranking.board import Board

FEWEST = 3  # entries: two always lie on a line
EDGE = 1e-3  # figures are clipped to [EDGE, 1 - EDGE] before the logit
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A line through the entries, fitted by least squares on logit axes.

    Args:
        title: Predicted figure: `real` or `synthesized`.
        slope: Slope of logit(shifted) on logit(clean).
        intercept: logit(shifted) at clean = 1 / 2.
        explained: R squared.
        residuals: Name of the entry -> its figure minus the prediction of the line through the others, in the metric's
            unit; positive is more robust than predicted. NaN where the others determine no line.
        entries: Number of entries fitted.
    """

    title: str
    slope: float
    intercept: float
    explained: float
    residuals: dict[str, float]
    entries: int

    def at(self, clean: float) -> float:
        """Predict the shifted figure from a clean one."""
        return float(expit(self.intercept + self.slope * _clipped_logit(np.array(clean))))


def lines(board: Board) -> list[Line]:
    """Fit real and synthesized against clean, where there are enough entries.

    Only for metrics between 0 and 1 where higher is better.
    """
    metric = METRICS[board.rank_by]
    if not metric.higher_is_better or metric.most != 1:
        return []
    found = []
    for name in ("real", "synthesized"):
        points = {
            row.name: (row.aggregates["clean", board.rank_by].value, row.aggregates[name, board.rank_by].value)
            for row in board.rows
            if name in row.aggregates
        }
        defined = {entry: pair for entry, pair in points.items() if not any(map(math.isnan, pair))}
        line = fit(name, list(defined), np.array([*defined.values()]).reshape(-1, 2))
        if line is not None:
            found.append(line)
    return found


def fit(title: str, names: Sequence[str], points: Floats) -> Line | None:
    """Fit a line to (n, 2) points of clean and shifted; None for fewer than 3 points or constant clean figures."""
    x, y = _clipped_logit(points[:, 0]), _clipped_logit(points[:, 1])
    if len(x) < FEWEST or np.ptp(x) < 1e-9:
        return None
    slope, intercept = np.polyfit(x, y, 1)
    total = ((y - y.mean()) ** 2).sum()
    explained = 1 - ((y - intercept - slope * x) ** 2).sum() / total if total > 0 else math.nan
    residuals = {}
    for left_out, name in enumerate(names):
        others = np.arange(len(x)) != left_out
        residuals[name] = math.nan
        if others.sum() >= FEWEST and np.ptp(x[others]) > 1e-9:
            a, b = np.polyfit(x[others], y[others], 1)
            residuals[name] = float(points[left_out, 1] - expit(b + a * x[left_out]))
    return Line(title, float(slope), float(intercept), float(explained), residuals, len(x))


def _clipped_logit(share: Floats) -> Floats:
    """Return the logit of shares clipped to [EDGE, 1 - EDGE]."""
    return np.asarray(logit(np.clip(share, EDGE, 1 - EDGE)))
