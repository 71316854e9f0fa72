"""Scoring of one set of predictions: per condition, and the aggregates that a leaderboard shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from . import calibration
from .aggregates import Layout, aggregate
from .blas import one_thread
from .bootstrap import REPLICATES, ResampledSplit, resampled_splits, split_key
from .estimate import Estimate
from .intervals import FEW_ERRORS, STILL
from .metrics import METRICS, Metric, metrics_by_name, top_class
from .still import Still, of_unseen, still_classes
from .thresholds import binarise, thresholds

TOGETHER = 128  # conditions scored at once
FIRST_RESAMPLES = 16


def board_metrics(protocol: Protocol) -> tuple[str, ...]:
    """Return the metrics of a leaderboard: the protocol's, the first of which ranks, then all others."""
    return (*protocol.metrics, *(name for name in METRICS if name not in protocol.metrics))


@dataclass(frozen=True)
class Scores:
    """All scores of one submission.

    Args:
        conditions: Key of the condition -> metric -> estimate, including source validation.
        aggregates: Name -> metric -> estimate, as described in `aggregates.aggregate`.
        thresholds: (K,) probability from which each class is predicted, frozen on source validation.
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
    """Score predictions.

    Args:
        protocol: Conditions and metrics.
        truth: Its tidy truth.
        predictions: Key of the condition -> probabilities (n, K), as `predictions.read` returns them.
        replicates: Number of resamples of the groups; 0 for no intervals.
        drawn: `bootstrap.resampled_splits` for this protocol, truth and number, to share it between submissions.
        metrics: Names of metrics; the protocol's by default.

    Raises:
        MedshiftError: Unknown metric.
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
    """Score every condition: key -> metric -> estimate, and the thresholds; arguments as for `score`."""
    chosen = metrics_by_name(metrics or protocol.metrics)
    drawn = resampled_splits(protocol, truth, replicates) if drawn is None else drawn
    tested = protocol.conditions()
    (validation,) = (c for c in tested if c.kind == "validation")
    # frozen on source validation and not resampled: a threshold is part of the model that is deployed elsewhere
    frozen = thresholds(drawn[split_key(validation)].labels, predictions[validation.key])
    with one_thread():
        return estimate_conditions(chosen, tested, drawn, predictions, frozen), frozen


def aggregated(protocol: Protocol, conditions: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, Estimate]]:
    """Aggregate scores by condition: name of the aggregate -> metric -> estimate."""
    found: dict[str, dict[str, Estimate]] = {}
    layout, classes = Layout.of(protocol.conditions()), len(protocol.dataset.classes)
    for name, metric in metrics_by_name(list(next(iter(conditions.values())))).items():
        by_key = {key: by_metric[name] for key, by_metric in conditions.items()}
        for title, estimate in aggregate(layout, by_key, metric, classes).items():
            found.setdefault(title, {})[name] = estimate
    return found


def estimate_conditions(
    metrics: Mapping[str, Metric],
    tested: Sequence[Condition],
    drawn: Mapping[tuple[str, str], ResampledSplit],
    predictions: Mapping[str, NDArray[np.float32]],
    frozen: NDArray[np.float64],
) -> dict[str, dict[str, Estimate]]:
    """Compute key of the condition -> metric -> estimate; conditions on the same samples are scored together."""
    together: dict[tuple[str, str], list[str]] = {}
    for condition in tested:
        together.setdefault(split_key(condition), []).append(condition.key)
    found: dict[str, dict[str, Estimate]] = {condition.key: {} for condition in tested}
    for where, keys in together.items():
        split = drawn[where]
        groups = split.weights.shape[1]
        weights = np.concatenate([np.ones((1, groups)), split.weights])
        for start in range(0, len(keys), TOGETHER):
            some = keys[start : start + TOGETHER]
            probabilities = np.stack([predictions[key] for key in some])
            probabilities.flags.writeable = False  # so `top_class` finds it once for all metrics
            for name, metric in metrics.items():
                given = binarise(probabilities, frozen) if metric.operating else probabilities
                behind = _behind(metric, split, given.shape[-1])
                figures = metric.function(split.labels, given, split.groups, weights)
                still = _still(where, metric, split, given, figures, behind["units"])
                behind["bounds"] = (0.0, metric.most)
                if metric.inflated:
                    less = calibration.corrected(split.labels, given, split.groups, figures)
                    estimates = [
                        Estimate(*one[:2], **behind, excess=one.excess, still=parts, usual=usual)
                        for one, parts, usual in zip(less, still, figures[:, 0].tolist(), strict=True)
                    ]
                else:
                    estimates = [
                        Estimate(value, values[1:], **behind, still=parts)
                        for value, values, parts in zip(figures[:, 0].tolist(), figures, still, strict=True)
                    ]
                for key, estimate in zip(some, estimates, strict=True):
                    found[key][name] = estimate
    return found


def _behind(metric: Metric, split: ResampledSplit, classes: int) -> dict[str, Any]:
    """Return the samples, the groups and the effective groups behind a metric: of one class, those that hold it."""
    if metric.of is None or classes != 2:
        groups = split.weights.shape[1]
        return {
            "samples": len(split.labels),
            "groups": groups,
            "units": split.by_class if metric.by_class else float(groups),
        }
    own = split.labels == metric.of
    groups = len(np.unique(split.groups[own]))
    units = float(max(groups, 2) if split.weights.shape[1] > 1 else groups)  # as `effective_groups` counts a single one
    return {"samples": int(own.sum()), "groups": groups, "units": units}


def _unmoved(figures: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows that are defined, and in which no resample differs from the figure itself, the first column."""
    rows = np.flatnonzero(~np.isnan(figures[:, 0]))
    for end in (FIRST_RESAMPLES, figures.shape[1]):  # the first few show that a figure moves, as a rule
        moved = np.abs(figures[rows, 1:end] - figures[rows, :1]) > STILL  # False where undefined
        rows = rows[~moved.any(axis=1)]
    return rows


def _still(
    where: tuple[str, str],
    metric: Metric,
    split: ResampledSplit,
    given: NDArray[np.floating],
    figures: NDArray[np.float64],
    units: float,
) -> list[tuple[Still, ...]]:
    """Return what no resample varies in a metric under each condition: classes, or else the whole of it."""
    place = "/".join(where)
    found: list[tuple[Still, ...]] = [()] * len(figures)
    if metric.inflated:  # its correction allows for that
        return found
    if metric.hits is not None and (metric.of is None or given.shape[-1] > 2):
        found = still_classes(place, split.labels, metric.hits(split.labels, given), split.groups, split.patients)
    whole = frozenset(split.patients.tolist())
    if metric.turned is not None and units > 1 and figures.shape[1] > 1:
        wrong = np.mean(top_class(given)[0] != split.labels, axis=-1)
        few = np.flatnonzero(np.minimum(wrong, 1 - wrong) * split.weights.shape[1] < FEW_ERRORS)
        unseen = of_unseen(wrong[few], metric.turned(split.labels, given[few]), figures[few, 1:], units)
        for row, (down, up) in zip(few, unseen, strict=True):
            found[row] = (Still(place, down, up, units, whole),) if down > 0 or up > 0 else ()
    if not figures.shape[1] > 1:
        return found
    for row in _unmoved(figures):
        best, worst = figures[row, 0] >= metric.most, figures[row, 0] <= 0
        sides = (metric.most, 0.0) if best else (0.0, metric.most) if worst else (metric.most / 2, metric.most / 2)
        found[row] = found[row] or (Still(place, *sides, units, whole),)
    return found
