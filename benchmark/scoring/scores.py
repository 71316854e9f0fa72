"""Scores of one set of predictions: per condition, and the aggregates that a leaderboard shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn requires it

from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from . import thresholds as operating
from .aggregates import aggregate
from .bootstrap import REPLICATES, ResampledSplit, resampled_splits, split_key
from .estimate import Estimate
from .metrics import METRICS, Metric, metrics_by_name

TOGETHER = 256  # conditions that are scored at once


def board_metrics(protocol: Protocol) -> tuple[str, ...]:
    """Returns what a leaderboard scores: the protocol's metrics, the first of which ranks, then all others."""
    return (*protocol.metrics, *(name for name in METRICS if name not in protocol.metrics))


@dataclass(frozen=True)
class Scores:
    """All scores of one submission.

    Args:
        conditions: Key of the condition -> metric -> estimate, source validation among them.
        aggregates: Name -> metric -> estimate, as `aggregates.aggregate` describes them.
        thresholds: (K,) from which probability each class is called, frozen on source validation.
    """

    conditions: Mapping[str, Mapping[str, Estimate]]
    aggregates: Mapping[str, Mapping[str, Estimate]]
    thresholds: NDArray[np.float64]


def score(
    protocol: Protocol,
    truth: pd.DataFrame,
    predictions: Mapping[str, NDArray[np.float32]],
    replicates: int = REPLICATES,
    drawn: Mapping[tuple[str, str], ResampledSplit] | None = None,
    metrics: Sequence[str] = (),
) -> Scores:
    """Returns the scores of predictions.

    Args:
        protocol: Whose conditions and metrics.
        truth: Its tidy truth.
        predictions: Key of the condition -> probabilities (n, K), as `predictions.read` returns them.
        replicates: Resamples of the groups; 0 for no intervals.
        drawn: What `bootstrap.cells` returned for this protocol, truth and number, to share it between submissions.
        metrics: What to score; the protocol's metrics by default.

    Raises:
        MedshiftError: A metric does not exist.
    """
    conditions, frozen = by_condition(protocol, truth, predictions, replicates, drawn, metrics)
    return Scores(conditions, aggregated(protocol, conditions), frozen)


def by_condition(
    protocol: Protocol,
    truth: pd.DataFrame,
    predictions: Mapping[str, NDArray[np.float32]],
    replicates: int = REPLICATES,
    drawn: Mapping[tuple[str, str], ResampledSplit] | None = None,
    metrics: Sequence[str] = (),
) -> tuple[dict[str, dict[str, Estimate]], NDArray[np.float64]]:
    """Returns key of the condition -> metric -> estimate, and the thresholds; arguments as of `score`."""
    chosen = metrics_by_name(metrics or protocol.metrics)
    drawn = resampled_splits(protocol, truth, replicates) if drawn is None else drawn
    tested = protocol.conditions()
    (validation,) = (c for c in tested if c.kind == "validation")
    # frozen on source validation as it is, not drawn anew: a threshold is part of the model that is taken elsewhere
    frozen = operating.thresholds(drawn[split_key(validation)].labels, predictions[validation.key])
    # the products are small: where other work keeps the cores busy, threads of BLAS wait for each other for minutes
    with threadpool_limits(1, "blas"):
        return _estimated(chosen, tested, drawn, predictions, frozen), frozen


def aggregated(protocol: Protocol, conditions: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, Estimate]]:
    """Returns name of the aggregate -> metric -> estimate."""
    found: dict[str, dict[str, Estimate]] = {}
    tested, classes = protocol.conditions(), len(protocol.dataset.classes)
    for name, metric in metrics_by_name(list(next(iter(conditions.values())))).items():
        by_key = {key: by_metric[name] for key, by_metric in conditions.items()}
        for title, estimate in aggregate(tested, by_key, metric, classes).items():
            found.setdefault(title, {})[name] = estimate
    return found


def _estimated(
    metrics: Mapping[str, Metric],
    tested: Sequence[Condition],
    drawn: Mapping[tuple[str, str], ResampledSplit],
    predictions: Mapping[str, NDArray[np.float32]],
    frozen: NDArray[np.float64],
) -> dict[str, dict[str, Estimate]]:
    """Returns key of the condition -> metric -> estimate. Conditions on the same samples are scored together."""
    together: dict[tuple[str, str], list[str]] = {}
    for condition in tested:
        together.setdefault(split_key(condition), []).append(condition.key)
    found: dict[str, dict[str, Estimate]] = {condition.key: {} for condition in tested}
    for where, keys in together.items():
        cell = drawn[where]
        groups = cell.weights.shape[1]
        weights = np.concatenate([np.ones((1, groups)), cell.weights])
        for start in range(0, len(keys), TOGETHER):
            some = keys[start : start + TOGETHER]
            probabilities = np.stack([predictions[key] for key in some])
            for name, metric in metrics.items():
                given = operating.binarise(probabilities, frozen) if metric.operating else probabilities
                units = cell.by_class if metric.by_class else float(groups)
                for key, values in zip(some, metric.function(cell.labels, given, cell.groups, weights), strict=True):
                    again = _moved_back(values[0], values[1:]) if metric.inflated else values[1:]
                    found[key][name] = Estimate(
                        float(values[0]), again, len(cell.labels), groups, units=units, bounds=(0.0, metric.most)
                    )
    return found


def _moved_back(value: float, replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the replicates of a non-negative metric with its value as their mean, none below zero."""
    if not len(replicates) or np.isnan(replicates).all():
        return replicates
    return np.maximum(replicates + value - np.nanmean(replicates), 0)
