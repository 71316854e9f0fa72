"""The cluster bootstrap: groups (patients, lesions, slides) are resampled with all their samples.

The resamples depend on the protocol and its truth alone. So all entries of a leaderboard are scored on the same ones,
and differences between entries, or between conditions on the same images, are paired.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from ..protocols.truth import truth_of

REPLICATES = 1000
LEVEL = 0.95
LEAST_DEFINED = 0.5  # fraction of replicates that must be defined for an interval


@dataclass(frozen=True)
class ResampledSplit:
    """The samples of one split of one domain, with bootstrap weights.

    Args:
        labels: (N,) in the order of `truth.truth_of`.
        groups: (N,) whose sample it is, 0..G-1.
        weights: (B, G) how often each group was drawn in each replicate.
        names: (G,) numbers of the groups, the same in all splits; counted from 0 by default.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    weights: NDArray[np.float64]
    names: NDArray[np.int64] | None = None

    @cached_property
    def patients(self) -> NDArray[np.int64]:
        """The numbers of the groups (G,): splits that share patients have some in common."""
        return np.arange(self.weights.shape[1]) if self.names is None else self.names

    @cached_property
    def by_class(self) -> float:
        """The effective number of groups behind a class-balanced metric."""
        return effective_groups(self.labels, self.groups)


def resampled_splits(
    protocol: Protocol, truth: pd.DataFrame, replicates: int = REPLICATES
) -> dict[tuple[str, str], ResampledSplit]:
    """Resample every (domain, split) that the protocol's conditions use.

    Domains that share groups (travelling patients) are resampled together, so that a group is drawn equally often in
    all of them; the others are independent.
    """
    looked_at: dict[tuple[str, str], pd.DataFrame] = {}
    for condition in protocol.conditions():
        if split_key(condition) not in looked_at:
            looked_at[split_key(condition)] = truth_of(truth, condition)
    resampled: dict[tuple[str, str], ResampledSplit] = {}
    before = 0  # groups of the splits so far, none of which shares one with those to come
    linked = _linked({key: set(rows["group"]) for key, rows in looked_at.items()})
    # those of a test first: protocols that have the same tests number their patients alike
    for together in sorted(linked, key=lambda keys: all(split != "test" for _, split in keys)):
        names = sorted(set().union(*(set(looked_at[key]["group"]) for key in together)))
        counts = resample_counts(len(names), replicates, protocol.seed, *("/".join(key) for key in together))
        index = pd.Index(names, dtype=object)
        for key in together:
            rows = looked_at[key]
            whose = index.get_indexer(pd.Index(rows["group"].astype(object)))
            present, groups = np.unique(whose, return_inverse=True)
            labels = rows["label"].to_numpy(dtype=np.int64)
            drawn = np.ascontiguousarray(counts[:, present])
            resampled[key] = ResampledSplit(labels, groups.astype(np.int64), drawn, before + present.astype(np.int64))
        before += len(names)
    return resampled


def split_key(condition: Condition) -> tuple[str, str]:
    """Return the domain and split that a condition uses."""
    return condition.domain, condition.split


def resample_counts(items: int, replicates: int, seed: int, *address: str) -> NDArray[np.float64]:
    """Draw `items` items with replacement, per replicate; return (replicates, items) how often each was drawn."""
    words = hashlib.sha256("\x1f".join(["bootstrap", str(seed), *address]).encode()).digest()
    rng = np.random.default_rng(list(words))
    if not items:
        return np.zeros((replicates, 0))
    return rng.multinomial(items, np.full(items, 1 / items), size=replicates).astype(np.float64)


def effective_groups(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> float:
    """Compute the effective number of groups behind a class-balanced metric; at most the actual number.

    The rarest class limits it. Where n_k groups hold class k, the metric's variance goes with the sum of 1 / n_k; the
    result is Satterthwaite's degrees of freedom of that sum plus one. A class in a single group counts as in two: its
    spread is unknown, so the interval is wide.

    Args:
        labels: (N,) classes.
        groups: (N,) whose sample it is.
    """
    count = len(np.unique(groups))
    if count < 2:
        return float(count)
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    holding = np.maximum(np.unique(pairs[0], return_counts=True)[1], 2).astype(np.float64)
    freedom = (1 / holding).sum() ** 2 / (1 / (holding**2 * (holding - 1))).sum()
    return 1 + min(count - 1.0, float(freedom))


def interval(replicates: NDArray[np.float64]) -> tuple[float, float]:
    """Compute the 95 % percentile interval.

    Undefined replicates (NaN: no sample of a class was drawn) are left out; if half or more are undefined, or there are
    none at all, so is the interval: (NaN, NaN).
    """
    defined = replicates[~np.isnan(replicates)]
    if not len(defined) or len(defined) <= LEAST_DEFINED * len(replicates):
        return float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    return float(low), float(high)


def _linked(groups: dict[tuple[str, str], set[str]]) -> list[list[tuple[str, str]]]:
    """Partition the splits so that two are together if a chain of shared groups links them."""
    lists: list[tuple[list[tuple[str, str]], set[str]]] = []
    for key, own in sorted(groups.items()):
        keys, members = [key], set(own)
        unlinked = []
        for other_keys, other in lists:
            if other & members:
                keys, members = other_keys + keys, members | other
            else:
                unlinked.append((other_keys, other))
        lists = [*unlinked, (keys, members)]
    return [sorted(keys) for keys, _ in lists]
