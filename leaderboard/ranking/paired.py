"""The difference of two entries on the same groups and the same seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from ...benchmark.scoring.bootstrap import LEAST_DEFINED, LEVEL
from ...benchmark.scoring.intervals import between_seeds, unseen
from .board import Row
from .comparisons import ROUNDING, sign_test

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


def paired_difference(one: Row, other: Row, name: str, units: float, most: float) -> Difference:
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
        most: The highest possible figure; the lowest is zero.
    """
    seeds, each = shared_seeds(one, other), seed_by_seed(one, other, name)
    if not seeds or np.isnan(each[:, 0]).any():
        return Difference(math.nan, math.nan, math.nan, math.nan, seeds)
    value, replicates = float(each[:, 0].mean()), each[:, 1:].mean(axis=0)
    whole = replicates[~np.isnan(replicates)]
    if not units > 1 or len(whole) < 2 or 1 - len(whole) / len(replicates) >= LEAST_DEFINED:
        return Difference(value, math.nan, math.nan, math.nan, seeds)
    of_groups = units / (units - 1)
    groups = of_groups * float(whole.var())
    from_seeds, spread = between_seeds(each, of_groups)
    error = math.sqrt(groups + from_seeds)
    doubt = groups**2 / (units - 1) + spread**2 / max(len(seeds) - 1, 1)
    freedom = max(error**4 / doubt, 1.0) if doubt > 0 else units - 1
    if error <= ROUNDING:  # the same in every resample
        reach = float(unseen(units))
        chance = sign_test(units) if abs(value) > ROUNDING else 1.0
        return Difference(value, max(value - reach, -most), min(value + reach, most), chance, seeds)
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    chance = float(2 * stdtr(freedom, -abs(value) / error))
    return Difference(value, max(value - half, -most), min(value + half, most), chance, seeds)
