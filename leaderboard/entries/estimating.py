"""Performance at the real sites as each estimator has it without their labels, and as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...benchmark.estimation.registry import estimator_names
from ...benchmark.estimation.stored import estimate_sites, supported
from ...benchmark.protocols.protocol import Protocol
from ...benchmark.scoring.bootstrap import ResampledSplit
from ...benchmark.scoring.scores import Scores

COLUMNS = ("estimate", "low", "high", "truth")


def estimates(
    protocol: Protocol,
    seeds: Sequence[Mapping[str, NDArray[np.float32]]],
    each: Sequence[Scores],
    splits: Mapping[tuple[str, str], ResampledSplit],
    refused: Sequence[Collection[str]],
) -> NDArray[np.float64]:
    """Estimate the performance of each seed at each real site, by every estimator (`estimator_names`).

    Args:
        protocol: Its conditions.
        seeds: Probabilities by condition, one mapping per seed.
        each: Scores of each seed.
        splits: Result of `bootstrap.resampled_splits`.
        refused: Keys of the conditions of which each seed's model refused images.

    Returns:
        (S, E, D, 4) by seed, estimator and target, in the order of `COLUMNS`; NaN where undefined. Nothing is estimated
        where another figure ranks.
    """
    names = estimator_names() if supported(protocol) else []
    found = np.full((len(seeds), len(names), len(protocol.targets), len(COLUMNS)), np.nan)
    if not found.size:
        return found
    for seed, (arrays, scored, left) in enumerate(zip(seeds, each, refused, strict=True)):
        by_site = estimate_sites(protocol, splits, arrays, names=names, refused=left)
        for place, site in enumerate(protocol.targets):
            truth = scored.conditions[site][protocol.metrics[0]].value
            for row, name in enumerate(names):
                made = by_site[site][name]
                found[seed, row, place] = made.value, made.low, made.high, truth
    return found
