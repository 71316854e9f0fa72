"""Models that refuse images: coverage, and scores of the images that they answered.

Scores count a refused image as a wrong answer (`predictions.read`). Here the same conditions are scored without them,
on the same resamples of the groups, so that both can be shown beside the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from .aggregates import Layout, aggregate
from .blas import one_thread
from .bootstrap import ResampledSplit, resampled_splits, split_key
from .estimate import Estimate
from .metrics import Metric, metrics_by_name
from .scores import Scores, aggregated, estimate_conditions

Rejected = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Answered:
    """A submission as seen by the images that its model answered.

    Args:
        scores: Scores of these images alone.
        coverage: Key of a condition, or name of an aggregate -> the share of images that were answered.
        refused: Number of images refused, over all conditions.
        images: Number of images, over all conditions.
    """

    scores: Scores
    coverage: Mapping[str, float]
    refused: int
    images: int


def score_answered(
    protocol: Protocol,
    truth: pd.DataFrame,
    arrays: Mapping[str, NDArray[np.float32]],
    rejected: Rejected,
    strict: Scores,
) -> Answered:
    """Score a submission without the images that were refused.

    Args:
        protocol: Its protocol.
        truth: The protocol's truth.
        arrays: Key of the condition -> probabilities (n, K), as `predictions.read` returns them.
        rejected: Key of each condition with refused images -> (n,) which these are.
        strict: Scores of the submission with refused images as wrong answers; its thresholds are used here, too.
    """
    metrics = metrics_by_name(list(next(iter(strict.conditions.values()))))
    drawn = resampled_splits(protocol, truth)  # the same ones as of the strict scores
    conditions = {key: dict(by_metric) for key, by_metric in strict.conditions.items()}
    with one_thread():
        for condition in protocol.conditions():
            if condition.key in rejected:
                split, kept = drawn[split_key(condition)], ~rejected[condition.key]
                conditions[condition.key] = estimate_kept(
                    condition, metrics, split, kept, arrays[condition.key][kept], strict.thresholds
                )
    coverage = {key: 1 - float(rejected[key].mean()) if key in rejected else 1.0 for key in arrays}
    return Answered(
        Scores(conditions, aggregated(protocol, conditions), strict.thresholds),
        {**coverage, **_coverage_means(protocol, coverage)},
        sum(int(which.sum()) for which in rejected.values()),
        sum(map(len, arrays.values())),
    )


def estimate_kept(
    condition: Condition,
    metrics: Mapping[str, Metric],
    split: ResampledSplit,
    kept: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    frozen: NDArray[np.float64],
) -> dict[str, Estimate]:
    """Score one condition on some of its samples; undefined if there are none.

    Args:
        condition: The condition.
        metrics: Metrics by name.
        split: All its samples.
        kept: (N,) which of them count.
        probabilities: (n, K) of those.
        frozen: (K,) thresholds.
    """
    if not kept.any():
        nothing = np.full(len(split.weights), np.nan)
        return {name: Estimate(math.nan, nothing, bounds=(0.0, metric.most)) for name, metric in metrics.items()}
    present, groups = np.unique(split.groups[kept], return_inverse=True)
    weights = np.ascontiguousarray(split.weights[:, present])
    smaller = ResampledSplit(split.labels[kept], groups.astype(np.int64), weights, split.patients[present])
    made = estimate_conditions(
        metrics, [condition], {split_key(condition): smaller}, {condition.key: probabilities}, frozen
    )
    return made[condition.key]


def _coverage_means(protocol: Protocol, coverage: Mapping[str, float]) -> dict[str, float]:
    """Aggregate coverage as scores are aggregated."""
    by_key = {key: Estimate(value, np.empty(0)) for key, value in coverage.items()}
    metric = Metric("coverage", lambda *given: np.empty(0), higher_is_better=True)
    found = aggregate(Layout.of(protocol.conditions()), by_key, metric, len(protocol.dataset.classes))
    return {name: estimate.value for name, estimate in found.items()}
