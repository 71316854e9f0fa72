"""medshift's own estimator: a regression on the synthesized conditions, whose truth is known.

As Deng and Zheng 2021, "Are labels always necessary for classifier accuracy evaluation?", and the regression of
Guillory et al. 2021, it learns from changed copies of the source's test images how statistics of predictions move with
performance. The changes are acquisition shifts, and three things differ:

- Conditions near the site count more (`local_ridge`).
- The mix of classes at the site is not assumed: each condition is seen with its own and with other mixes. Balanced
  accuracy stays as it is, the statistics do not, so that a regression cannot take a change of mix for a fall.
- The interval comes from whole families of shifts left out, and a site that lies farther from all conditions than any
  condition from those of other families gets no estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..files.wording import plural
from .drawing import deviation, reach_of, redrawn, with_reach
from .evidence import LEVEL, Estimate, Evidence, Source, no_estimate
from .local_ridge import Floats, Local, fit
from .source_figures import by_class, chosen, clean_figure, tested_groups
from .statistics import Labels, balanced_accuracy, features, mixed

TILT = 1.5  # odds by which a class is made more frequent: .4 and .6 instead of .5
MOST_MIXES = 8  # beside the source's own
FEWEST = 12  # conditions
INSIDE = 1.0  # standard deviations from a condition that are never outside


@dataclass(frozen=True, eq=False)
class Fitted:
    """The regression of one model.

    Args:
        local: Fitted on all conditions.
        error: Reach of the 90 % interval, from families left out.
        farthest: Largest distance of a condition from those of all other families; at least `INSIDE`.
        design: How much larger the variance due to patients is than that of independent images.
    """

    local: Local
    error: float
    farthest: float
    design: float


def synthesized_regression(evidence: Evidence) -> Estimate:
    """Estimate balanced accuracy from the statistics that go with it under the synthesized shifts."""
    found = evidence.source.kept(fitted)
    if found is None:
        return no_estimate(too_few(evidence.source))
    source = evidence.source.reference
    groups = len(evidence.by_group)
    point = features(evidence.by_group.sum(axis=0), source)
    values, distances, slopes = found.local.predict(point[None])
    again = features(redrawn(evidence.by_group), source) - point
    noise = (again.var(axis=0) / found.local.scale**2).mean()  # few patients are far from everything by chance
    distance = math.sqrt(max(0.0, distances[0] ** 2 - noise))
    if distance > found.farthest:
        return no_estimate(
            f"the predictions there lie outside everything synthesized: {distance:.2f} standard deviations from the "
            f"nearest condition, and none is farther than {found.farthest:.2f} from those of other families"
        )
    value = float(np.clip(values[0], 1 / evidence.classes, 1))
    moved = reach_of(deviation(again @ slopes[0], groups), groups)  # NaN, and no interval, for a single patient
    drawn = found.design * value * (1 - value) / len(evidence.groups)
    reach = math.hypot(found.error, moved, reach_of(math.sqrt(drawn), math.inf))
    return with_reach(value, reach, min(groups, evidence.source.kept(tested_groups)))


def fitted(source: Source) -> Fitted | None:
    """Fit the regression, and again without each family; None if there is too little to learn from."""
    tested, kept = source.tested, source.kept(chosen)
    kinds = np.array(left_out_together(tested.shifts, tested.families))[kept]
    if len(set(kinds.tolist()) - {""}) < 2 or len(kept) < FEWEST:
        return None
    table = source.kept(by_class)
    truth = balanced_accuracy(table)
    points = np.stack([features(mixed(table, mix), source.reference) for mix in mixes(tested.labels, table.shape[-2])])
    errors, distances = _left_out(points, truth, kinds)
    clean, spread = source.kept(clean_figure)
    independent = clean * (1 - clean) / len(tested.labels)
    design = max(1.0, spread**2 / independent) if independent > 0 and not math.isnan(spread) else 1.0
    everything = fit(points.reshape(-1, points.shape[-1]), np.tile(truth, len(points)))
    return Fitted(everything, errors, distances, design)


def too_few(source: Source) -> str:
    """Say what there is to learn from, and what is needed: other severities of the same shifts would not do."""
    shifts, kept = len(set(source.tested.shifts) - {""}), source.kept(chosen)
    if shifts < 2:
        return f"{plural(shifts, 'synthesized shift')} to learn from, 2 are needed: add shifts to the protocol"
    return (
        f"{len(kept)} conditions to learn from (clean, and every other severity of a shift with more than three), "
        f"{FEWEST} are needed: add shifts to the protocol"
    )


def _left_out(points: Floats, truth: Floats, kinds: NDArray[np.str_]) -> tuple[float, float]:
    """Estimate each family by the others; return the worst family's 90 % quantile and the largest distance.

    Args:
        points: (mixes, C, F) features.
        truth: (C,) balanced accuracy.
        kinds: (C,) family; empty for clean, which is never left out.
    """
    worst, farthest = 0.0, INSIDE
    for kind in sorted(set(kinds.tolist()) - {""}):
        errors, distances = left_out_family(points, truth, kinds == kind)
        rank = min(len(errors), math.ceil((len(errors) + 1) * LEVEL)) - 1  # of a conformal interval
        worst = max(worst, float(np.sort(np.abs(errors))[rank]))
        farthest = max(farthest, float(distances.max()))
    return worst, farthest


def left_out_family(points: Floats, truth: Floats, out: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Estimate some conditions by the others.

    Args:
        points: (mixes, C, F) features.
        truth: (C,) balanced accuracy.
        out: (C,) whether a condition is left out.

    Returns:
        Errors of the estimates and distances to the nearest of the others, for every mix of those left out.
    """
    count = points.shape[-1]
    local = fit(points[:, ~out].reshape(-1, count), np.tile(truth[~out], len(points)))
    values, distances, _ = local.predict(points[:, out].reshape(-1, count))
    return np.clip(values, 0, 1) - np.tile(truth[out], len(points)), distances


def mixes(labels: Labels, classes: int) -> list[Floats]:
    """Return the mix of classes of some labels, and mixes in which one class (of many, every eighth) is tilted up."""
    own = np.bincount(labels, minlength=classes) / len(labels)
    found = [own]
    for first in range(min(classes, MOST_MIXES)):
        tilted = own.copy()
        tilted[first::MOST_MIXES] *= TILT
        found.append(tilted / tilted.sum())
    return found


def left_out_together(shifts: tuple[str, ...], families: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is left out together: families, or single shifts if there is only one family."""
    return families if len(set(families) - {""}) > 1 else shifts
