"""Which trained networks entries stand on, by what their cards record: entries on one network are not independent.

What a mean over entries would be with other entries is told by drawing networks, each with all entries that stand on
it. An entry whose cards do not say stands on a network of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .source_models import devices, training_settings, uses_source_models

if TYPE_CHECKING:
    from .board import Row


def trained_networks(row: Row) -> frozenset[Hashable]:
    """Return the trained networks that an entry stands on.

    These are one per seed for `imagenet-finetune` and the methods that adapt its models, with the settings of the
    training and the device; the file of a model that was brought; and otherwise one that no other entry has.
    """
    baseline = row.cards[0].baseline
    if baseline.brought and baseline.config.get("sha256"):
        return frozenset({("file", baseline.config["sha256"])})
    settings = training_settings(row)
    if uses_source_models(row) and settings:
        return frozenset((settings, seed, device) for seed, device in devices(row).items())
    return frozenset({("entry", row.name)})


def network_numbers(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Number the trained networks of entries (n,) from 0: those that share the network of a seed have one number."""
    return joined_numbers([trained_networks(row) for row in rows])


def joined_numbers(sets: Sequence[Collection[Hashable]]) -> NDArray[np.int64]:
    """Number sets (n,) from 0, in their order: those that a chain of common members links have one number."""
    place: dict[Hashable, int] = {}  # member -> the first set that has it
    first = list(range(len(sets)))  # set -> an earlier one that it is linked with, or itself

    def root(at: int) -> int:
        while first[at] != at:
            first[at] = at = first[first[at]]
        return at

    for at, members in enumerate(sets):
        for member in members:
            one, other = sorted((root(place.setdefault(member, at)), root(at)))
            first[other] = one
    roots = [root(at) for at in range(len(sets))]
    return np.unique(np.array(roots, np.int64), return_inverse=True)[1].astype(np.int64)


def on_networks(entries: int, networks: int) -> str:
    """Say on how many trained networks entries stand, ` on 3 trained networks`; empty where each has its own."""
    if networks == entries:
        return ""
    return f" on {networks:,} trained network{'s' if networks != 1 else ''}"
