"""What chance alone brings together: one of two columns shuffled over the groups, the other left as it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..fingerprint.fingerprint import Floats

Codes = NDArray[np.int64]

BATCH = 1 << 18  # images that are shuffled at once, for memory


def shuffled(one: Codes, other: Codes, groups: Codes, count: int, rng: np.random.Generator) -> Floats:
    """Returns `count` tables (count, levels of one, levels of other) of images, in which the two are independent.

    A column that is constant in every group is shuffled over groups, the other keeping its images: of a hundred groups
    with ten images each, a hundred values are drawn, not a thousand. If both vary in groups, each group is given the
    values of another one of about its size, in any order, so that they stay as alike within groups as they are.

    Args:
        one: (N,) level of each image, from 0.
        other: (N,) alike.
        groups: (N,) whose image it is.
        count: How many times to shuffle.
        rng: Draws the orders.
    """
    firsts, whose = np.unique(groups, return_index=True, return_inverse=True)[1:]
    apart = _constant(one, firsts, whose)
    if not apart and _constant(other, firsts, whose):
        return shuffled(other, one, groups, count, rng).transpose(0, 2, 1)
    rows, columns = (int(codes.max()) + 1 for codes in (one, other))
    tables = np.empty((count, rows, columns))
    step = max(1, BATCH // len(one))
    for start in range(0, count, step):
        some = min(step, count - start)
        drawn = _permuted(one[firsts], some, rng)[:, whose] if apart else one[_swapped(whose, some, rng)]
        cells = drawn * columns + other + np.arange(0, some * rows * columns, rows * columns)[:, None]
        counted = np.bincount(cells.ravel(), minlength=some * rows * columns)
        tables[start : start + some] = counted.reshape(some, rows, columns)
    return tables


def _constant(codes: Codes, firsts: Codes, whose: Codes) -> bool:
    return bool((codes == codes[firsts][whose]).all())


def _permuted(values: Codes, count: int, rng: np.random.Generator) -> Codes:
    return rng.permuted(np.broadcast_to(values, (count, len(values))), axis=1)


def _swapped(whose: Codes, count: int, rng: np.random.Generator) -> Codes:
    """Returns, (count, N), of which image each is given the value.

    A group's donor has less than twice its images and more than half of them. The values of a smaller one are given
    more than once, those of a larger one not all.
    """
    size = np.bincount(whose)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    alike = np.frexp(size)[1]  # sizes between two powers of two
    donor = np.empty((count, len(size)), dtype=np.int64)
    for each in np.unique(alike):
        mine = np.flatnonzero(alike == each)
        donor[:, mine] = _permuted(mine, count, rng)
    sorts = np.argsort(whose, kind="stable")
    place = np.empty(len(whose), dtype=np.int64)
    place[sorts] = np.arange(len(whose)) - start[whose[sorts]]
    orders = np.argsort(rng.random((count, len(whose))) + whose, axis=1)  # of images, group by group
    theirs = donor[:, whose]
    return np.take_along_axis(orders, start[theirs] + place % size[theirs], axis=1)
