"""Whether two sets of predictions that differ by little have the same figures, too."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...protocols.protocol import Protocol
from ...protocols.truth import truth_of
from ...scoring.bootstrap import resampled_splits
from ...scoring.estimate import Estimate
from ...scoring.metrics import metrics_by_name
from ...scoring.scores import aggregated, board_metrics, by_condition, estimate_conditions

SHARES = (0.25, 0.1)  # of half a figure's interval, by which it may differ under one condition, and in a mean of all
LESS = 0.2  # of these, where the differences lean to the labels
ERRORS = 4  # standard errors
JUMPING = ("ece",)  # from bin to bin, at any difference; the Brier score holds what it says
MEANS = ("clean", "real", "synthesized", "shifted")

Arrays = Mapping[str, NDArray[np.float32]]
Figures = dict[str, dict[str, Estimate]]


def figure_differences(protocol: Protocol, truth: pd.DataFrame, theirs: Arrays, ours: Arrays) -> list[str]:
    """List the metrics of which a figure differs by more than rounding explains, one line each.

    Of a model that is sure of nothing, a small difference of the probabilities turns many answers. A figure may differ
    by a quarter of half its interval under one condition, and a tenth in a mean over conditions; a fifth of that where
    the differences lean to the labels; or by what one sample of the rarest class explains, under each condition, and in
    all of a mean. Rounding turns few answers, and these in either direction.

    Args:
        protocol: The protocol.
        truth: Its truth.
        theirs: Key of the condition -> probabilities (n, K) of the submission.
        ours: Those of the rerun.
    """
    metrics = metrics_by_name([name for name in board_metrics(protocol) if name not in JUMPING])
    tested = protocol.conditions()
    after, frozen = by_condition(protocol, truth, ours, metrics=tuple(metrics))
    # at the same thresholds: of two that are as good on validation, rounding may choose the other
    before = estimate_conditions(metrics, tested, resampled_splits(protocol, truth, 0), theirs, frozen)
    ones = {c.key: 1 / int(truth_of(truth, c)["label"].value_counts().min()) for c in tested}
    then, now = _with_means(protocol, before), _with_means(protocol, after)
    ones |= {title: max(ones.values()) / now[title][protocol.metrics[0]].parts for title in MEANS if title in now}
    leans = leaning(protocol, truth, theirs, ours) > ERRORS
    found = []
    for name in metrics:
        apart = {
            key: _excess(then[key][name], now[key][name], SHARES[key in MEANS] * (LESS if leans else 1), one)
            for key, one in ones.items()
        }
        worst = max(apart, key=lambda key: apart[key])
        if apart[worst] > 0:
            values = f"{then[worst][name].value:.4f} then, {now[worst][name].value:.4f} now"
            found.append(f"{name} differs by more than rounding explains, most on {worst!r}: {values}")
    if found and leans:
        found.append("the differences of the probabilities lean to the labels")
    return found


def leaning(protocol: Protocol, truth: pd.DataFrame, theirs: Arrays, ours: Arrays) -> float:
    """Return by how many standard errors `theirs` gives the true classes more than `ours`; 0 if that is not known.

    Each group counts once for each class, and each class the same.
    """
    parts = []
    for condition in protocol.conditions():
        rows = truth_of(truth, condition)
        labels = rows["label"].to_numpy()
        more = theirs[condition.key].astype(np.float64) - ours[condition.key]
        parts.append(rows[["label", "group"]].assign(more=more[np.arange(len(labels)), labels]))
    each = pd.concat(parts).groupby(["label", "group"])["more"].mean().groupby("label").agg(["mean", "var", "size"])
    error = math.sqrt((each["var"] / each["size"]).mean() / len(each))
    lean = float(each["mean"].mean())
    if math.isnan(error) or math.isnan(lean):  # a single group of a class
        return 0.0
    return lean / error if error else math.copysign(math.inf, lean) if lean else 0.0


def _with_means(protocol: Protocol, conditions: Figures) -> Figures:
    return {**conditions, **{title: by for title, by in aggregated(protocol, conditions).items() if title in MEANS}}


def _excess(theirs: Estimate, ours: Estimate, share: float, one: float) -> float:
    """Return by how much two values of a figure lie further apart than they may; infinite if one is undefined."""
    if math.isnan(theirs.value) or math.isnan(ours.value):
        return -math.inf if math.isnan(theirs.value) == math.isnan(ours.value) else math.inf
    low, high = ours.interval
    half = 0.0 if math.isnan(low) else (high - low) / 2
    return abs(theirs.value - ours.value) - max(share * half, one + 1e-9)
