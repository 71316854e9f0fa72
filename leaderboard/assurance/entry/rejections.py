"""Coverage: the share of the images that a model answers for; one that refuses none answers for all."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ....benchmark.protocols.protocol import Protocol
from ....benchmark.scoring.bootstrap import ResampledSplit, split_key
from ....benchmark.scoring.estimate import Estimate

Rejected = Mapping[str, NDArray[np.bool_]]  # key of each condition with refused images -> (n,) which these are


def coverage(
    protocol: Protocol, splits: Mapping[tuple[str, str], ResampledSplit], rejected: Rejected, *, may_refuse: bool
) -> dict[str, Estimate]:
    """Compute the share of images that are answered for, by condition, with groups resampled.

    Of a model that cannot refuse an image it is 1, and certain. One that may and refused none has not shown that.
    """
    refuses = may_refuse or any(which.any() for which in rejected.values())
    found = {}
    for condition in protocol.conditions():
        split = splits[split_key(condition)]
        groups, count = split.weights.shape[1], len(split.labels)
        if not refuses:
            ones = np.ones(len(split.weights))
            found[condition.key] = Estimate(1.0, ones, count, groups, units=math.inf, bounds=(0.0, 1.0))
            continue
        refused = rejected.get(condition.key, np.zeros(count, bool))
        weights = np.concatenate([np.ones((1, groups)), split.weights])
        sizes = weights @ np.bincount(split.groups, minlength=groups)
        shares = 1 - weights @ np.bincount(split.groups, refused, groups) / sizes
        found[condition.key] = Estimate(
            float(shares[0]), shares[1:], count, groups, units=float(groups), bounds=(0.0, 1.0)
        )
    return found
