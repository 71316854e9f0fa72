"""The difference of two entries on the same groups and the same seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from ...benchmark.scoring.bootstrap import LEVEL
from ...benchmark.scoring.intervals import unseen
from ...benchmark.scoring.metrics import METRICS
from .board import Row
from .comparisons import ROUNDING, sign_test
from .source_models import paired_variance

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A paired difference; NaN where undefined.

    Args:
        value: Mean over the seeds that both have.
        low: Lower end of its 95 % interval.
        high: Upper end.
        chance: Two-sided p-value of no difference.
        seeds: The seeds that both have.
    """

    value: float
    low: float
    high: float
    chance: float
    seeds: tuple[int, ...] = ()


def shared_seeds(one: Row, other: Row) -> tuple[int, ...]:
    """List the seeds that two entries both have, in order."""
    return tuple(sorted({card.seed for card in one.cards} & {card.seed for card in other.cards}))


def seed_by_seed(one: Row, other: Row, name: str) -> Floats:
    """Subtract the other entry's figure and replicates, seed by seed: (S, 1 + B) of the seeds that both have."""
    seeds = shared_seeds(one, other)
    first, second = (
        row.by_seed(name)[[[card.seed for card in row.cards].index(seed) for seed in seeds]] for row in (one, other)
    )
    return np.asarray(first - second)


def paired_difference(one: Row, other: Row, name: str, units: float, metric: str) -> Difference:
    """Compare two entries by a figure, on the same resampled groups and, unlike the ranking, the same seeds.

    The variance of the difference has two parts, as in `intervals`: that of its mean over the seeds due to groups,
    times units / (units - 1), and that of the difference between seeds. One seed in common shows nothing of the second.
    Student's t is used with Satterthwaite's degrees of freedom; a difference that does not vary is treated as in
    `comparisons.compare`.

    Args:
        one: An entry.
        other: The entry whose figure is subtracted.
        name: `validation`, or an aggregate of `scoring.PAIRED`.
        units: Effective number of groups behind the figure.
        metric: The metric of the figures.
    """
    seeds, each = shared_seeds(one, other), seed_by_seed(one, other, name)
    if not seeds or np.isnan(each[:, 0]).any():
        return Difference(math.nan, math.nan, math.nan, math.nan, seeds)
    value, most = float(each[:, 0].mean()), METRICS[metric].most
    variance = paired_variance(each, units, metric) if units > 1 else None
    if variance is None:
        return Difference(value, math.nan, math.nan, math.nan, seeds)
    error = math.sqrt(variance.groups + variance.seeds)
    doubt = variance.groups**2 / (units - 1) + variance.between**2 / max(len(seeds) - 1, 1)
    freedom = max(error**4 / doubt, 1.0) if doubt > 0 else units - 1
    if error <= ROUNDING:  # the same in every resample
        reach = float(unseen(units))
        chance = sign_test(units) if abs(value) > ROUNDING else 1.0
        return Difference(value, max(value - reach, -most), min(value + reach, most), chance, seeds)
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    chance = float(2 * stdtr(freedom, -abs(value) / error))
    return Difference(value, max(value - half, -most), min(value + half, most), chance, seeds)
