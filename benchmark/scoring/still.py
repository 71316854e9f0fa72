"""What no resample varies is not certain: how far it is open.

All images of a class may be right in six patients, and no resample of these shows an error. Clopper and Pearson's bound
(1934) says in how large a share of all patients it may be wrong: in 46 % at most, of six. Such parts of a figure are
carried beside its replicates, through means and differences, until an interval is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Still(NamedTuple):
    """A part of a figure that no resample varies.

    Args:
        where: Whose part it is: the domain, split and class. Those of one place move together, others independently.
        weight: By how much the figure moves if the part moves by 1.
        units: Number of groups in which it was seen.
    """

    where: str
    weight: float
    units: float


def still_classes(
    where: str, labels: NDArray[np.int64], hits: NDArray[np.bool_], groups: NDArray[np.int64]
) -> list[tuple[Still, ...]]:
    """Return for each condition the classes of which all samples, or none, are right.

    Args:
        where: Name of the split.
        labels: (N,) classes.
        hits: (C, N) what is right under C conditions.
        groups: (N,) whose sample it is.
    """
    present = np.unique(labels)
    found: list[list[Still]] = [[] for _ in hits]
    for number in present:
        own = labels == number
        mine = hits[:, own]
        same = np.flatnonzero(mine.all(axis=1) | ~mine.any(axis=1))
        if same.size:
            part = Still(f"{where} {number}", 1 / len(present), float(len(np.unique(groups[own]))))
            for row in same:
                found[row].append(part)
    return [tuple(parts) for parts in found]


def combined(parts: Sequence[tuple[Still, ...]], weights: Sequence[float]) -> tuple[Still, ...]:
    """Return the still parts of a weighted sum.

    Those of one place add up, as all may err in the same direction. In a difference they may not err on one side alone.
    """
    if not any(parts):
        return ()
    sides: dict[str, list[float]] = {}
    units: dict[str, float] = {}
    for weight, some in zip(weights, parts, strict=True):
        for part in some if weight else ():
            sides.setdefault(part.where, [0.0, 0.0])[weight < 0] += abs(weight) * part.weight
            units[part.where] = part.units
    return tuple(Still(where, max(each), units[where]) for where, each in sides.items())


def openness(parts: Sequence[Still], tail: float) -> float:
    """Return how far a figure is open for its still parts.

    It is the largest sum of weight times share, over all shares e of groups that may be otherwise for which seeing none
    has at least the probability of `tail`: sum n log(1 - e) >= log(tail). One part alone gives Clopper and Pearson's
    bound; of several, the parts with the most weight for their number of groups take it up (Lagrange).

    Args:
        parts: The still parts.
        tail: Probability that the figure is further off.
    """
    ordered = sorted(parts, key=lambda part: part.units / part.weight)
    scale = logs = groups = 0.0
    for number, part in enumerate(ordered):
        if number and scale * part.units / part.weight >= 1:
            ordered = ordered[:number]
            break
        logs += part.units * math.log(part.weight / part.units)
        groups += part.units
        scale = math.exp((math.log(tail) + logs) / groups)
    return sum(part.weight - scale * part.units for part in ordered)
