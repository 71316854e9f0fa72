"""Debiased linear CKA (centred kernel alignment) of two sets of features of the same images, with its jackknife.

Linear CKA (Kornblith et al., ICML 2019, arXiv 1905.00414) is HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) for the Gram
matrices K = X X' and L = Y Y' of features X (n, d) and Y (n, e): 1 for features that differ by a rotation and a factor.
The plug-in HSIC, a mean over all pairs, makes independent features look alike: CKA of two sets of d independent normals
is about d / (d + n). So HSIC is the unbiased one (Song et al., JMLR 13, 2012, equation 5; used for CKA by Nguyen et
al., ICLR 2021, arXiv 2010.15327), over Gram matrices without their diagonals:

    HSIC = [tr(KL) + (1'K1)(1'L1) / ((n - 1)(n - 2)) - 2 (1'KL1) / (n - 2)] / (n (n - 3))

It is an inner product (Szekely and Rizzo, Annals of Statistics 42, 2014), so CKA lies in [-1, 1]; independent features
give about 0, and may fall below it.

Intervals are those of the jackknife that leaves out one group (patient) at a time. A bootstrap would draw images twice,
and two copies of an image resemble each other like no two images: the bias that the diagonal was removed for.
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

LEAST_IMAGES = 4  # HSIC divides by n - 3
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
        MedshiftError: Fewer than `LEAST_IMAGES` images, or values that are not finite.
    """
    values = np.asarray(features, dtype=np.float64)
    if len(values) < LEAST_IMAGES:
        raise MedshiftError(f"CKA needs at least {LEAST_IMAGES} images; there are {len(values)}")
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


def debiased_cka(one: Gram, other: Gram, groups: NDArray[np.int64]) -> Alignment:
    """Compute the debiased linear CKA of two sets of features of the same images.

    Args:
        one: Of the first features.
        other: Of the second, of the same images in the same order.
        groups: (n,) whose image it is, 0..G-1.

    Raises:
        MedshiftError: The numbers of images differ.
    """
    if not len(one.products) == len(other.products) == len(groups):
        raise MedshiftError(
            f"CKA compares features of the same images; there are {len(one.products)} and {len(other.products)} of them"
        )
    both, first, second = (_hsic(a.products, b.products, groups) for a, b in ((one, other), (one, one), (other, other)))
    count = len(groups)
    constant = [own[0] * count * (count - 3) <= NOTHING * of.size for own, of in ((first, one), (second, other))]
    if any(constant):
        return Alignment(math.nan, np.full(len(both) - 1, np.nan))
    with np.errstate(invalid="ignore", divide="ignore"):  # without a group, the rest may be constant or too few
        found = both / np.sqrt(first * second)
    return Alignment(float(found[0]), found[1:])


def _hsic(one: Floats, other: Floats, groups: NDArray[np.int64]) -> Floats:
    """Compute the unbiased HSIC of Gram matrices without diagonals: (1 + G,) of all images, then without each group.

    Each of the three sums loses the rows and columns of a group, which counts the products within it twice.
    """
    member = np.zeros((len(groups), int(groups.max()) + 1))
    member[np.arange(len(groups)), groups] = 1.0
    with_one, with_other = one @ member, other @ member  # (n, G): sums of an image's products with each group's
    product = one * other
    of_groups = (member * (product @ member)).sum(axis=0)
    trace = product.sum() - 2 * member.T @ product.sum(axis=1) + of_groups
    rows, columns = one.sum(axis=1), other.sum(axis=1)
    sum_one = rows.sum() - 2 * member.T @ rows + (member * with_one).sum(axis=0)
    sum_other = columns.sum() - 2 * member.T @ columns + (member * with_other).sum(axis=0)
    crossed = ((rows[:, None] - with_one) * (columns[:, None] - with_other) * (1 - member)).sum(axis=0)
    n = np.concatenate([[float(len(groups))], len(groups) - member.sum(axis=0)])
    trace, sum_one, sum_other, crossed = (
        np.concatenate([[whole], left])
        for whole, left in (
            (product.sum(), trace),
            (rows.sum(), sum_one),
            (columns.sum(), sum_other),
            (rows @ columns, crossed),
        )
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (trace + sum_one * sum_other / ((n - 1) * (n - 2)) - 2 * crossed / (n - 2)) / (n * (n - 3))
    return np.where(n >= LEAST_IMAGES, found, np.nan)
