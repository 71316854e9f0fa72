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

from .intervals import FEW_ERRORS, further_errors, quantile, unseen


class Still(NamedTuple):
    """A part of a figure that no resample varies.

    Args:
        where: Whose part it is: the domain, split and class. Those of one place move together.
        down: By how much the figure falls if the part changes in all groups; 0 if it cannot fall.
        up: By how much it rises, likewise.
        units: Number of groups in which it was seen.
        patients: Which groups these are, in all splits. Parts that share some are not independent.
    """

    where: str
    down: float
    up: float
    units: float
    patients: frozenset[int]


def still_classes(
    where: str, labels: NDArray[np.int64], hits: NDArray[np.bool_], groups: NDArray[np.int64], names: NDArray[np.int64]
) -> list[tuple[Still, ...]]:
    """Return for each condition the classes of which all samples, or none, are right.

    Args:
        where: Name of the split.
        labels: (N,) classes.
        hits: (C, N) what is right under C conditions.
        groups: (N,) whose sample it is, 0..G-1.
        names: (G,) the groups, in all splits.
    """
    present, samples = np.unique(labels, return_counts=True)
    found: list[list[Still]] = [[] for _ in hits]
    share = 1 / len(present)
    counts = hits.astype(np.float32) @ (labels[:, None] == present).astype(np.float32)  # below 2**24: exact
    right = counts == samples
    held = right | (counts == 0)
    # once for all conditions: of many patients, each would take much memory
    of_class = {
        place: frozenset(names[np.unique(groups[labels == present[place]])].tolist())
        for place in np.flatnonzero(held.any(axis=0)).tolist()
    }
    for row, place in np.argwhere(held).tolist():
        patients = of_class[place]
        sides = (share, 0.0) if right[row, place] else (0.0, share)
        found[row].append(Still(f"{where} {present[place]}", *sides, float(len(patients)), patients))
    return [tuple(parts) for parts in found]


def of_unseen(
    wrong: NDArray[np.float64], turned: NDArray[np.float64], replicates: NDArray[np.float64], units: float
) -> list[tuple[float, float]]:
    """Return by how much means over samples fall and rise if all groups are otherwise (`Still.down`, `Still.up`).

    A score varies between resamples with the probabilities, though none shows an error, and with the one error that was
    seen. Where few were seen, the rate may be as high as Clopper and Pearson's upper end, and where few samples were
    right, as low as the lower; of that distance, what the variance between resamples does not reach is left.

    Args:
        wrong: (C,) error rates.
        turned: (C, 2) as `Metric.turned` returns it; NaN where no sample is right, or wrong.
        replicates: (C, B) the figure on resampled groups.
        units: Effective number of groups.
    """
    variance = units / (units - 1) * replicates.var(axis=1)
    none, number = np.zeros(len(wrong)), np.full(len(wrong), units)
    reach = quantile(variance, none, variance, number, np.ones(len(wrong))) * np.sqrt(variance)
    sides = []
    for rate, steps in ((1 - wrong, turned[:, 1]), (wrong, turned[:, 0])):
        more = np.where(rate * units < FEW_ERRORS, steps * further_errors(rate, units), 0)
        sides.append(np.nan_to_num(np.sqrt(np.maximum(0, more**2 - reach**2)) / unseen(units)).tolist())
    return list(zip(*sides, strict=True))


def combined(parts: Sequence[tuple[Still, ...]], weights: Sequence[float]) -> tuple[Still, ...]:
    """Return the still parts of a weighted sum: those of one place add up, as all may err in the same direction."""
    if not any(parts):
        return ()
    found: dict[str, Still] = {}
    for weight, some in zip(weights, parts, strict=True):
        for part in some if weight else ():
            down, up = (part.down, part.up) if weight > 0 else (part.up, part.down)
            before = found.get(part.where, part._replace(down=0.0, up=0.0))
            sides = before.down + abs(weight) * down, before.up + abs(weight) * up
            found[part.where] = before._replace(down=sides[0], up=sides[1])
    return tuple(found.values())


def openness(parts: Sequence[Still], tail: float) -> tuple[float, float]:
    """Return how far a figure is open down and up for its still parts.

    It is the largest sum of weight times share, over all shares e of groups that may be otherwise for which seeing none
    has at least the probability of `tail`: sum n log(1 - e) >= log(tail). One part alone gives Clopper and Pearson's
    bound; of several, those with the most weight for their number of groups take it up (Lagrange). Parts that share
    patients may err in the same ones, so that each may be as far off as if it were alone.

    Args:
        parts: The still parts.
        tail: Probability that the figure is further off, of each side.
    """
    clusters = _sharing(parts)
    return _jointly(clusters, "down", tail), _jointly(clusters, "up", tail)


def _sharing(parts: Sequence[Still]) -> list[list[Still]]:
    """Group parts so that two are together if a chain of shared patients links them."""
    found: list[tuple[set[int], list[Still]]] = []
    for part in parts:
        patients, members = set(part.patients), [part]
        apart = []
        for other in found:
            if patients.isdisjoint(other[0]):
                apart.append(other)
            else:
                patients |= other[0]
                members += other[1]
        found = [*apart, (patients, members)]
    return [members for _, members in found]


def _jointly(clusters: Sequence[Sequence[Still]], side: str, tail: float) -> float:
    """Return the largest sum over independent clusters, each of which counts as one part that is open as far."""
    given: list[tuple[float, float]] = []  # weight, groups
    for members in clusters:
        sides = [(getattr(part, side), part.units) for part in members]
        weight = sum(each for each, _ in sides)
        if weight > 0:
            share = sum(each * float(unseen(units, tail)) for each, units in sides) / weight
            given.append((weight, math.log(tail) / math.log1p(-share)))
    given.sort(key=lambda pair: pair[1] / pair[0])
    scale = logs = groups = 0.0
    for number, (weight, units) in enumerate(given):
        if number and scale * units / weight >= 1:
            given = given[:number]
            break
        logs += units * math.log(weight / units)
        groups += units
        scale = math.exp((math.log(tail) + logs) / groups)
    return sum(weight - scale * units for weight, units in given)
