"""How an entry does at each site: figures, the drift of its operating point, calibration; and its worst conditions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....benchmark.protocols.condition import Condition
from ....benchmark.scoring.estimate import Estimate
from ....benchmark.scoring.metrics import METRICS
from ....benchmark.scoring.thresholds import binarise, positives, thresholds
from ..criteria.criterion import COVERAGE
from .scores import EntryScores

WORST = 8  # synthesized conditions listed


@dataclass(frozen=True, eq=False)
class Site:
    """One site's test images, or source validation.

    Args:
        condition: The condition.
        figures: Metric -> figure, coverage among them.
        called: Share of the images called positive at the frozen threshold, mean over seeds; NaN for several classes.
        prevalence: Share of the images that are positive; NaN for several classes.
        threshold: Threshold that the same rule would choose here, mean over seeds; NaN for several classes.
        confidence: Mean probability of the predicted class, mean over seeds.
        accuracy: Share of the images that are right.
    """

    condition: Condition
    figures: dict[str, Estimate]
    called: float
    prevalence: float
    threshold: float
    confidence: float
    accuracy: float

    @property
    def name(self) -> str:
        """The site as printed."""
        return f"{self.condition.domain}, validation" if self.condition.kind == "validation" else self.condition.domain


def site_figures(scores: EntryScores) -> list[Site]:
    """Describe source validation, the source's test images and every other site."""
    validation = next(c for c in scores.protocol.conditions() if c.kind == "validation")
    names = (*METRICS, COVERAGE)
    figures = {name: scores.figures(name) for name in names}
    frozen = frozen_thresholds(scores)
    return [
        _site(scores, condition, {name: figures[name][condition.key] for name in names}, frozen)
        for condition in (validation, *scores.sites)
    ]


def frozen_thresholds(scores: EntryScores) -> list[NDArray[np.float64]]:
    """Return the thresholds (K,) of each seed, frozen on source validation."""
    validation = next(c for c in scores.protocol.conditions() if c.kind == "validation")
    labels = scores.split(validation).labels
    return [thresholds(labels, arrays[validation.key]) for arrays in scores.arrays]


def _site(
    scores: EntryScores, condition: Condition, figures: dict[str, Estimate], frozen: list[NDArray[np.float64]]
) -> Site:
    labels = scores.split(condition).labels
    probabilities = [arrays[condition.key] for arrays in scores.arrays]
    right = np.mean([np.mean(p.argmax(axis=1) == labels) for p in probabilities])
    sure = np.mean([p.max(axis=1).mean(dtype=np.float64) for p in probabilities])
    called = prevalence = own = math.nan
    if len(positives(probabilities[0].shape[1])) == 1:
        at = [binarise(p, limit)[:, 1].mean() for p, limit in zip(probabilities, frozen, strict=True)]
        called, prevalence = float(np.mean(at)), float(np.mean(labels == 1))
        if 0 < prevalence < 1:
            own = float(np.mean([thresholds(labels, p)[1] for p in probabilities]))
    return Site(condition, figures, called, prevalence, own, float(sure), float(right))


def worst_conditions(scores: EntryScores, metric: str) -> list[tuple[Condition, Estimate]]:
    """List the worst synthesized conditions by a metric."""
    figures = scores.figures(metric)
    made = [c for c in scores.protocol.conditions() if c.kind == "synthesized"]
    defined = [(c, figures[c.key]) for c in made if not math.isnan(figures[c.key].value)]
    sign = 1 if METRICS[metric].higher_is_better else -1
    return sorted(defined, key=lambda pair: sign * pair[1].value)[:WORST]


def worst_site(sites: Sequence[Site], metric: str) -> Site | None:
    """Return the site with the worst figure; None if there is none with a figure."""
    tested = [s for s in sites if s.condition.kind != "validation" and not math.isnan(s.figures[metric].value)]
    better = METRICS[metric].higher_is_better
    return (min if better else max)(tested, key=lambda site: site.figures[metric].value, default=None)
