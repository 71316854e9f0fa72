"""Scores of one set of predictions: per condition, and the aggregates that a leaderboard shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn requires it

from .bootstrap import REPLICATES, Cell, cells, interval, place
from .card import ScoreClaim
from .condition import Condition
from .metrics import Metric, named
from .protocol import Protocol

UNDEFINED = "–"


@dataclass(frozen=True, eq=False)
class Estimate:
    """A figure with its bootstrap replicates.

    Args:
        value: The figure; NaN where it is undefined.
        replicates: (B,) the same figure on B resamples of the groups; empty where none were drawn.
        samples: How many samples it rests on (of a mean: distinct ones are not told apart, the parts' are added).
        groups: How many groups, alike.
        parts: Of how many figures it is the mean; 1 for a condition.
        undefined: How many more were undefined and left out.
    """

    value: float
    replicates: NDArray[np.float64] = field(repr=False)
    samples: int = 0
    groups: int = 0
    parts: int = 1
    undefined: int = 0

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % percentile interval; (NaN, NaN) where it is undefined."""
        return (math.nan, math.nan) if math.isnan(self.value) else interval(self.replicates)

    @property
    def text(self) -> str:
        """The figure and its interval as printed: `.873 [.84, .90]`; a dash where it is undefined."""
        low, high = self.interval
        if math.isnan(self.value):
            return UNDEFINED
        return (
            decimal(self.value) if math.isnan(low) else f"{decimal(self.value)} [{decimal(low, 2)}, {decimal(high, 2)}]"
        )


@dataclass(frozen=True)
class Scores:
    """All scores of one submission.

    Args:
        conditions: Key of the condition -> metric -> estimate, source validation among them.
        aggregates: Name -> metric -> estimate: `clean`; `real/DOMAIN` and their mean `real`; `synthesized/FAMILY`, the
            mean over its conditions, and the families' mean `synthesized`; `shifted`, the mean of `real` and
            `synthesized` where both exist, so that a hundred synthesized conditions do not drown three real ones; and
            `drop`, how much worse `shifted` is than `clean`: positive is worse, also of metrics where less is better.
            An undefined figure is left out of a mean and counted in `Estimate.undefined`; a mean of none is undefined.
    """

    conditions: Mapping[str, Mapping[str, Estimate]]
    aggregates: Mapping[str, Mapping[str, Estimate]]

    def claims(self) -> tuple[ScoreClaim, ...]:
        """Returns the scores by condition as a card states them."""
        return tuple(
            ScoreClaim(condition=key, metric=metric, value=None if math.isnan(found.value) else found.value)
            for key, by_metric in self.conditions.items()
            for metric, found in by_metric.items()
        )


def score(
    protocol: Protocol,
    truth: pd.DataFrame,
    predictions: Mapping[str, NDArray[np.float32]],
    replicates: int = REPLICATES,
    drawn: Mapping[tuple[str, str], Cell] | None = None,
) -> Scores:
    """Returns the scores of predictions.

    Args:
        protocol: Whose conditions and metrics.
        truth: Its tidy truth.
        predictions: Key of the condition -> probabilities (n, K), as `predictions.read` returns them.
        replicates: Resamples of the groups; 0 for no intervals.
        drawn: What `bootstrap.cells` returned for this protocol, truth and number, to share it between submissions.

    Raises:
        MedshiftError: The protocol names a metric that does not exist.
    """
    metrics = named(protocol.metrics)
    drawn = cells(protocol, truth, replicates) if drawn is None else drawn
    # the products are small: where other work keeps the cores busy, threads of BLAS wait for each other for minutes
    with threadpool_limits(1, "blas"):
        conditions = {c.key: _by_metric(metrics, drawn[place(c)], predictions[c.key]) for c in protocol.conditions()}
    aggregates: dict[str, dict[str, Estimate]] = {}
    for name, metric in metrics.items():
        found = {key: by_metric[name] for key, by_metric in conditions.items()}
        for title, estimate in aggregate(protocol.conditions(), found, metric.higher_is_better).items():
            aggregates.setdefault(title, {})[name] = estimate
    return Scores(conditions, aggregates)


def _by_metric(metrics: Mapping[str, Metric], cell: Cell, probabilities: NDArray[np.float32]) -> dict[str, Estimate]:
    """Returns the estimates of one condition."""
    groups = cell.weights.shape[1]
    weights = np.concatenate([np.ones((1, groups)), cell.weights])
    found = {}
    for name, metric in metrics.items():
        values = metric.function(cell.labels, probabilities, cell.groups, weights)
        again = _moved_back(values[0], values[1:]) if metric.inflated else values[1:]
        found[name] = Estimate(float(values[0]), again, len(cell.labels), groups)
    return found


def aggregate(
    conditions: Sequence[Condition], found: Mapping[str, Estimate], higher_is_better: bool
) -> dict[str, Estimate]:
    """Returns the aggregates of one metric, as described at `Scores`."""
    clean = next(found[c.key] for c in conditions if c.kind == "clean")
    real = {f"real/{c.domain}": found[c.key] for c in conditions if c.kind == "real"}
    by_family: dict[str, list[Estimate]] = {}
    for condition in conditions:
        if condition.kind == "synthesized":
            by_family.setdefault(f"synthesized/{condition.family}", []).append(found[condition.key])
    families = {title: mean(members) for title, members in by_family.items()}
    means = {title: mean(list(parts.values())) for title, parts in (("real", real), ("synthesized", families)) if parts}
    aggregates = {"clean": clean, **real, **families, **means}
    if means:
        aggregates["shifted"] = shifted = mean(list(means.values()))
        sign = 1 if higher_is_better else -1
        aggregates["drop"] = Estimate(
            sign * (clean.value - shifted.value),
            sign * (clean.replicates - shifted.replicates),
            clean.samples + shifted.samples,
            clean.groups + shifted.groups,
        )
    return aggregates


def mean(parts: Sequence[Estimate]) -> Estimate:
    """Returns the mean of the defined ones, replicate by replicate, so that what they share stays shared.

    A replicate in which one of the defined parts is undefined is itself undefined.
    """
    defined = [part for part in parts if not math.isnan(part.value)]
    if not defined:
        return Estimate(math.nan, np.full_like(parts[0].replicates, np.nan), parts=0, undefined=len(parts))
    return Estimate(
        float(np.mean([part.value for part in defined])),
        np.mean([part.replicates for part in defined], axis=0),
        sum(part.samples for part in defined),
        sum(part.groups for part in defined),
        len(defined),
        len(parts) - len(defined),
    )


def _moved_back(value: float, replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the replicates of a non-negative metric with its value as their mean, none below zero."""
    if not len(replicates) or np.isnan(replicates).all():
        return replicates
    return np.maximum(replicates + value - np.nanmean(replicates), 0)


def decimal(value: float, digits: int = 3) -> str:
    """Returns a number without the leading zero: `.873`, `-.012`, `1.000`; a dash for NaN."""
    if math.isnan(value):
        return UNDEFINED
    text = f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"
    return text.lstrip("-") if float(f"{value:.{digits}f}") == 0 else text
