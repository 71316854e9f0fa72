"""Debiased linear CKA (centred kernel alignment) of two sets of features of the same images, with its jackknife.

Linear CKA (Kornblith et al., ICML 2019, arXiv 1905.00414) is HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) for the Gram
matrices K = X X' and L = Y Y' of features X (n, d) and Y (n, e): 1 for features that differ by a rotation and a factor.
The plug-in HSIC, a mean over all pairs, makes independent features look alike: CKA of two sets of d independent normals
is about d / (d + n). The unbiased one (Song et al., JMLR 13, 2012, equation 5; used for CKA by Nguyen et al., ICLR
2021, arXiv 2010.15327) leaves out the pairs of an image with itself, and takes images for independent of each other.

Those of one patient are not. Two networks that both recognise the patient have Gram matrices with the same blocks, even
where they share nothing else: of 8 patients with 32 images each, independent features of 64 numbers, 30 % of the
variance of which lies between patients, have a CKA of .4 that way. So HSIC here is over images of different patients,
a U-statistic (Hoeffding 1948) whose units are patients:

    HSIC = E[K12 L12] - 2 E[K12 L13] + E[K12 L34]

with the means over all images 1, 2, 3 and 4 of patients that differ, each patient with the same weight. It is unbiased
whatever images of a patient share, and where each image has a patient of its own, it is Song's. Independent features
give about 0, and may fall below it; CKA is kept within [-1, 1], in which its true value lies.

Intervals are those of the jackknife that leaves out one group (patient) at a time. A bootstrap would draw patients
twice, and two copies of a patient resemble each other like no two patients do: the bias that the pairs within patients
were left out for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError

Floats = NDArray[np.float64]

LEAST_GROUPS = 4  # HSIC compares four images of different patients
TAIL = 0.025
NOTHING = 1e-24  # (spread / mean)**4 of features below which their variation is rounding: they are constant


@dataclass(frozen=True)
class Gram:
    """Inner products of the features of n images, which are all that linear CKA depends on.

    Args:
        products: (n, n), of centred features, zero on the diagonal.
        dimension: Number of features.
        size: Sum of the squared products before the diagonal was removed.
    """

    products: Floats
    dimension: int
    size: float


def gram(features: NDArray[np.floating]) -> Gram:
    """Compute the Gram matrix of features (n, d).

    Features are centred first: CKA does not depend on their means, and its rounding does.

    Raises:
        MedshiftError: Values that are not finite.
    """
    values = np.asarray(features, dtype=np.float64)
    if not np.isfinite(values).all():
        raise MedshiftError("features hold NaN or infinite values: the network does not compute on these images")
    size = float(np.square(values).sum()) ** 2  # with their means: what rounding is relative to
    values = values - values.mean(axis=0)
    products = values @ values.T
    np.fill_diagonal(products, 0.0)
    return Gram(products, values.shape[1], size)


@dataclass(frozen=True)
class Alignment:
    """A CKA, or a mean or difference of several on the same images, with its jackknife.

    Args:
        value: On all images; NaN if the features of a side are constant.
        without: (G,) the value without each group.
        bounds: Lowest and highest possible value.
    """

    value: float
    without: Floats = field(repr=False)
    bounds: tuple[float, float] = (-1.0, 1.0)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval over groups, within the bounds; (NaN, NaN) if undefined.

        The variance is (G - 1) / G times the sum of squared deviations, Student's quantile has G - 1 degrees of
        freedom.
        """
        from scipy.special import stdtrit  # deferred: it takes long to import

        count = len(self.without)
        if count < 2 or math.isnan(self.value) or np.isnan(self.without).any():
            return math.nan, math.nan
        error = math.sqrt((count - 1) / count * float(np.square(self.without - self.without.mean()).sum()))
        reach = float(stdtrit(count - 1, 1 - TAIL)) * error
        return max(self.value - reach, self.bounds[0]), min(self.value + reach, self.bounds[1])


def mean(parts: Sequence[Alignment]) -> Alignment:
    """Average several on the same images and groups, such as those of several seeds."""
    return Alignment(float(np.mean([part.value for part in parts])), np.mean([part.without for part in parts], axis=0))


def difference(one: Alignment, other: Alignment) -> Alignment:
    """Subtract the second from the first; images and groups are the same, so what they share cancels."""
    bounds = one.bounds[0] - other.bounds[1], one.bounds[1] - other.bounds[0]
    return Alignment(one.value - other.value, one.without - other.without, bounds)


def require_groups(count: int) -> None:
    """Raise MedshiftError if there are fewer patients or other groups than `LEAST_GROUPS`."""
    if count < LEAST_GROUPS:
        raise MedshiftError(f"CKA needs images of at least {LEAST_GROUPS} patients or other groups; there are {count}")


def debiased_cka(one: Gram, other: Gram, groups: NDArray[np.int64]) -> Alignment:
    """Compute the debiased linear CKA of two sets of features of the same images.

    It is undefined if the features of a side are constant, or differ so little between patients that no variance is
    left of them.

    Args:
        one: Of the first features.
        other: Of the second, of the same images in the same order.
        groups: (n,) whose image it is, 0..G-1.

    Raises:
        MedshiftError: The numbers of images differ, or there are fewer than `LEAST_GROUPS` groups.
    """
    if not len(one.products) == len(other.products) == len(groups):
        raise MedshiftError(
            f"CKA compares features of the same images; there are {len(one.products)} and {len(other.products)} of them"
        )
    counts = np.bincount(groups)
    require_groups(len(counts))
    weights = np.zeros((len(groups), len(counts)))
    weights[np.arange(len(groups)), groups] = 1 / counts[groups]
    apart = groups[:, None] != groups
    first_gram, second_gram = (np.where(apart, of.products, 0.0) for of in (one, other))
    both, first, second = (
        _hsic(a, b, weights)
        for a, b in ((first_gram, second_gram), (first_gram, first_gram), (second_gram, second_gram))
    )
    pairs = len(groups) ** 2
    if any(own[0] * pairs <= NOTHING * of.size for own, of in ((first, one), (second, other))):
        return Alignment(math.nan, np.full(len(counts), np.nan))
    with np.errstate(invalid="ignore", divide="ignore"):  # without a group, the rest may be constant or too few
        found = np.clip(both / np.sqrt(first * second), -1.0, 1.0)
    return Alignment(float(found[0]), found[1:])


def _hsic(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Compute HSIC over images of different groups: (1 + G,) of all images, then without each group.

    Args:
        one: (n, n) Gram matrix, zero within groups.
        other: Another one.
        weights: (n, G) one over the number of images of its group in an image's own column, zero elsewhere.
    """
    with_one, with_other = one @ weights, other @ weights  # (n, G): means of an image's products with each group's
    rows, columns = with_one.sum(axis=1), with_other.sum(axis=1)
    product = with_one * with_other
    pairs = _without(weights.T @ (one * other) @ weights)
    # images 1, 2 and 3: the groups of 2 and 3 differ from each other and from that of 1, whose own products are zero
    shared = rows * columns - product.sum(axis=1)
    less = shared[:, None] - rows[:, None] * with_other - with_one * columns[:, None] + 2 * product
    weight, member = weights.sum(axis=1), weights > 0
    triples = np.concatenate([[weight @ shared], weight @ (less * ~member)])
    of_one, of_other = weights.T @ with_one, weights.T @ with_other  # (G, G): means between groups
    met = _meeting(of_one, of_other)
    quads = _without(of_one) * _without(of_other) - 4 * met + 2 * _without(of_one * of_other)
    n = np.full(1 + weights.shape[1], weights.shape[1] - 1.0)
    n[0] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (pairs - 2 * triples / (n - 2) + quads / ((n - 2) * (n - 3))) / (n * (n - 1))
    return np.where(n >= LEAST_GROUPS, found, np.nan)


def _without(means: Floats) -> Floats:
    """Sum a symmetric (G, G) matrix with a diagonal of zeros: (1 + G,) all of it, then without each row and column."""
    whole = means.sum()
    return np.concatenate([[whole], whole - 2 * means.sum(axis=1)])


def _meeting(one: Floats, other: Floats) -> Floats:
    """Sum the products of the row sums of two such matrices: (1 + G,) of all, then without each row and column."""
    rows, columns = one.sum(axis=1), other.sum(axis=1)
    left = (rows[:, None] - one) * (columns[:, None] - other)
    np.fill_diagonal(left, 0.0)
    return np.concatenate([[rows @ columns], left.sum(axis=0)])
