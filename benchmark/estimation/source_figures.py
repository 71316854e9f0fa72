"""Two estimators that do not look at the target: what is assumed where nothing is estimated."""

from __future__ import annotations

import numpy as np

from ..scoring.bootstrap import effective_groups
from ..scoring.intervals import STILL
from .drawing import deviation, reach_of, redrawn, with_reach
from .evidence import LEVEL, Estimate, Evidence, Source, no_estimate
from .statistics import Floats, balanced_accuracy, sums


def clean(evidence: Evidence) -> Estimate:
    """Assume the performance on the source's own test images; the interval is that of the drawing of patients."""
    value, error = evidence.source.kept(clean_figure)
    groups = evidence.source.kept(tested_groups)
    return with_reach(value, reach_of(error, groups), groups)


def synthesized_mean(evidence: Evidence) -> Estimate:
    """Assume the mean over the synthesized conditions; the interval holds 90 % of these."""
    figures = balanced_accuracy(evidence.source.kept(by_class))[1:]
    if not len(figures):
        return no_estimate("the protocol has no synthesized shift")
    tail = (1 - LEVEL) / 2
    low, high = (float(end) for end in np.quantile(figures, [tail, 1 - tail]))
    if high - low <= STILL:  # all conditions alike
        return with_reach(float(figures.mean()), 0.0, evidence.source.kept(tested_groups))
    return Estimate(float(figures.mean()), low, high)


def tested_groups(source: Source) -> float:
    """Compute the effective number of groups behind balanced accuracy on the source's own test images."""
    return effective_groups(source.tested.labels, source.tested.groups)


def by_class(source: Source) -> Floats:
    """Sum the statistics of clean and the chosen conditions by true and predicted class: (C, K, K, J)."""
    tested = source.tested
    given = tested.probabilities[source.kept(chosen)]
    return sums(given, tested.labels, given.shape[-1], source.reference)


def chosen(source: Source) -> list[int]:
    """Choose conditions: of a shift with more than three severities every other one, as more teach little."""
    shifts, severities = source.tested.shifts, source.tested.severities
    found = []
    for name in dict.fromkeys(shifts):
        own = sorted((level, index) for index, level in enumerate(severities) if shifts[index] == name)
        found += [index for _, index in (own[::2] if len(own) > 3 else own)]
    return sorted(found)


def clean_figure(source: Source) -> tuple[float, float]:
    """Compute balanced accuracy on the source's own test images, and its standard error over groups."""
    tested = source.tested
    classes, groups = tested.probabilities.shape[-1], int(tested.groups.max()) + 1
    cells = tested.groups * classes + tested.labels
    found = sums(tested.probabilities[:1], cells, groups * classes, source.reference)[0]
    table = found.reshape(groups, classes, classes, -1)
    return float(balanced_accuracy(table.sum(axis=0))), deviation(balanced_accuracy(redrawn(table)), groups)
