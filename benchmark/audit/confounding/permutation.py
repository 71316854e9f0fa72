"""Contingency tables under independence: one of two columns is shuffled over groups, the other left unchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..fingerprint.fingerprint import Floats

Codes = NDArray[np.int64]

BATCH = 1 << 18  # images shuffled at once, to bound memory


def shuffled(one: Codes, other: Codes, groups: Codes, count: int, rng: np.random.Generator) -> Floats:
    """Count images by level under independence of two columns, in tables (count, levels of one, levels of other).

    A column that is constant within every group is shuffled over groups: for a hundred groups of ten images each, a
    hundred values are permuted, not a thousand. If both columns vary within groups, each group receives the values of
    another group of similar size, in random order, so that values stay as correlated within groups as they were.

    Args:
        one: (N,) level of each image, from 0.
        other: (N,) level of each image in the other column, from 0.
        groups: (N,) group of each image.
        count: Number of shuffles.
        rng: Source of the permutations.
    """
    firsts, owner = np.unique(groups, return_index=True, return_inverse=True)[1:]
    by_group = _constant_in_groups(one, firsts, owner)
    if not by_group and _constant_in_groups(other, firsts, owner):
        return shuffled(other, one, groups, count, rng).transpose(0, 2, 1)
    rows, columns = (int(codes.max()) + 1 for codes in (one, other))
    tables = np.empty((count, rows, columns))
    step = max(1, BATCH // len(one))
    for start in range(0, count, step):
        size = min(step, count - start)
        permuted = _permuted(one[firsts], size, rng)[:, owner] if by_group else one[_donor_images(owner, size, rng)]
        cells = permuted * columns + other + np.arange(0, size * rows * columns, rows * columns)[:, None]
        counted = np.bincount(cells.ravel(), minlength=size * rows * columns)
        tables[start : start + size] = counted.reshape(size, rows, columns)
    return tables


def _constant_in_groups(codes: Codes, firsts: Codes, owner: Codes) -> bool:
    return bool((codes == codes[firsts][owner]).all())


def _permuted(values: Codes, count: int, rng: np.random.Generator) -> Codes:
    return rng.permuted(np.broadcast_to(values, (count, len(values))), axis=1)


def _donor_images(owner: Codes, count: int, rng: np.random.Generator) -> Codes:
    """Choose, (count, N), the image whose value each image receives.

    The donor of a group has less than twice and more than half as many images. Values of a smaller donor are used more
    than once, those of a larger one not all.
    """
    size = np.bincount(owner)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    size_class = np.frexp(size)[1]  # sizes between two powers of two
    donor = np.empty((count, len(size)), dtype=np.int64)
    for each in np.unique(size_class):
        similar = np.flatnonzero(size_class == each)
        donor[:, similar] = _permuted(similar, count, rng)
    by_owner = np.argsort(owner, kind="stable")
    position = np.empty(len(owner), dtype=np.int64)  # of each image in its group
    position[by_owner] = np.arange(len(owner)) - start[owner[by_owner]]
    orders = np.argsort(rng.random((count, len(owner))) + owner, axis=1)  # images in random order, group by group
    donors = donor[:, owner]
    return np.take_along_axis(orders, start[donors] + position % size[donors], axis=1)
