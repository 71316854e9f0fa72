"""How much of the value range images use, by image and domain: depth, outliers and constant images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets.dataset import Dataset
from ..datasets.images import FULL_SCALE
from ..datasets.value_limits import DEPTHS, OUTLYING, USUAL

Floats = NDArray[np.float64]

BLOCK = 8 << 20  # bytes of pixels read at a time, as they may be mapped from a file
FLAT = 0.01  # an image whose values span less than this fraction of the usual span is constant


@dataclass(frozen=True, eq=False)
class ValueUse:
    """The stored values of a data set.

    Args:
        scale: The values that become 0 and 1.
        usual: Least and greatest value of all but a few images.
        whole: Least and greatest value of all images.
        least: (N,) least value of each image.
        greatest: (N,) greatest value of each image.
        by_domain: Domain -> its usual greatest value.
    """

    scale: tuple[float, float]
    usual: tuple[float, float]
    whole: tuple[float, float]
    least: Floats
    greatest: Floats
    by_domain: dict[str, float]

    @property
    def share(self) -> float:
        """The fraction of the scale that the usual values use."""
        return (self.usual[1] - self.usual[0]) / (self.scale[1] - self.scale[0])

    @property
    def outliers(self) -> NDArray[np.int64]:
        """The few images that alone use most of the range of values; none if there are many, or the range is usual."""
        low, high = self.usual
        span, whole = high - low, self.whole[1] - self.whole[0]
        if not span or 1 - span / whole < OUTLYING:
            return np.array([], dtype=np.int64)
        beyond = np.flatnonzero((self.greatest > high + span / 2) | (self.least < low - span / 2))
        return beyond if len(beyond) <= max(1, USUAL * len(self.least)) else beyond[:0]

    @property
    def constant(self) -> NDArray[np.int64]:
        """The images that hold hardly more than one value."""
        return np.flatnonzero(self.greatest - self.least <= FLAT * (self.usual[1] - self.usual[0]))

    @property
    def depths_differ(self) -> bool:
        """Whether the usual greatest value of one domain is several times that of another."""
        reach = [value - min(self.scale[0], self.whole[0]) for value in self.by_domain.values()]
        return len(reach) > 1 and min(reach) > 0 and max(reach) / min(reach) >= DEPTHS


def value_use(dataset: Dataset) -> ValueUse:
    """Measure the values of a data set in one pass over its stored pixels, block by block."""
    ends = np.concatenate(list(_ends(dataset.pixels)))
    least, greatest = ends.T
    high = pd.Series(greatest).groupby(dataset.table["domain"].astype(str).to_numpy())
    return ValueUse(
        scale=dataset.value_range or (0.0, float(FULL_SCALE[dataset.pixels.dtype.name])),
        usual=(
            float(np.quantile(least, USUAL, method="lower")),
            float(np.quantile(greatest, 1 - USUAL, method="higher")),
        ),
        whole=(float(least.min()), float(greatest.max())),
        least=least,
        greatest=greatest,
        by_domain={str(name): float(value) for name, value in high.median().items()},
    )


def _ends(pixels: NDArray[np.generic]) -> Iterator[Floats]:
    """Yield (n, 2) least and greatest value of the images of each block."""
    step = max(1, BLOCK // max(1, pixels[:1].nbytes))
    for start in range(0, len(pixels), step):
        block = pixels[start : start + step].reshape(len(pixels[start : start + step]), -1)
        yield np.stack([block.min(axis=1), block.max(axis=1)], axis=1).astype(np.float64)
