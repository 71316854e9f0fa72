"""Remove what images share without being copies: a frame, a collimator, a marker, a bar, a round field of view.

Correlations that ignore this call all images with the same frame duplicates, as its edges outweigh all other detail.
Two steps remove it. The mean of the domain, which keeps only what is at the same place in most images, is subtracted as
far as an image contains it. What only some images share (one of several frames) stays, so strong detail is clipped at
the typical detail of its image: an edge then counts by its area, not by its contrast.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..datasets.dataset import Dataset
from ..datasets.images import to_unit
from .measures.planes import luma, planes, smooth
from .measures.table import BATCH

LEAST = 8  # images that a mean needs: that of fewer is mostly one of them
AVERAGED = 128  # images per domain that its mean is taken of, evenly spaced
DOMAINS = 16  # largest domains whose means are removed from low-pass images
MOST = 1.25  # times the mean is subtracted at most, so that many copies of one image do not erase it
ONE_LEVEL = 1 / 255


def middle_planes(dataset: Dataset, rows: NDArray[np.int64]) -> Tensor:
    """Return the brightness (n, H, W) of images, or of the middle slice of volumes."""
    flat, slices = planes(to_unit(np.ascontiguousarray(dataset.pixels[rows]), dataset.value_range))
    return luma(flat)[slices // 2 :: slices]


def detail(plane: Tensor) -> Tensor:
    """Return the detail (n, H * W) of planes: 3 x 3 mean less 7 x 7 mean."""
    return (smooth(plane) - smooth(plane, 7)).flatten(1)


def unit(vectors: Tensor) -> Tensor:
    """Scale rows to length 1; zeros stay."""
    length: Tensor = vectors.norm(dim=1, keepdim=True)
    return vectors / length.clamp(min=1e-6)


def without_domain_means(low: Tensor, domain: NDArray[np.object_]) -> Tensor:
    """Remove from low-pass images (N, P) all that is a combination of the domains' mean images; unit length."""
    names, counts = np.unique(domain.astype(str), return_counts=True)
    kept = [names[index] for index in np.argsort(-counts, kind="stable")[:DOMAINS] if counts[index] >= LEAST]
    if not kept:
        return low
    means = torch.stack([low[torch.from_numpy(domain.astype(str) == name)].mean(0) for name in kept])
    directions = torch.linalg.qr(means.T.double())[0].float()
    return unit(low - (low @ directions) @ directions.T)


class CommonDetail:
    """The mean detail of each domain, computed when it is first needed."""

    def __init__(self, dataset: Dataset) -> None:
        """Take the data set; nothing is computed yet."""
        self._dataset = dataset
        self._domain = dataset.table["domain"].astype(str).to_numpy()
        self._means: dict[str, Tensor] = {}

    def rest_similarity(self, first: int, second: int, *, inverted: bool = False) -> float:
        """Return the correlation of the detail of two images without what their domains have in common.

        A copy carries the frame of the domain that it comes from, so for images of two domains either mean is tried. If
        they are `inverted`, one is turned back first; a whole domain may be inverted, with its frames.
        """
        both = detail(middle_planes(self._dataset, np.array([first, second])))
        if inverted:
            both[1] *= -1
        found = []
        for name in sorted({self._domain[first], self._domain[second]}):
            for sign in (1, -1) if inverted else (1,):
                rest = unit(_clipped(_less(both, sign * self._mean(name))))
                found.append(float(rest[0] @ rest[1]))
        return max(found)

    def _mean(self, name: str) -> Tensor:
        if name not in self._means:
            rows = np.flatnonzero(self._domain == name)
            rows = rows if len(rows) >= LEAST else np.arange(len(self._domain))
            rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), AVERAGED)).astype(np.int64)]
            step = max(1, BATCH // int(np.prod(self._dataset.pixels.shape[1:])))
            parts = [
                detail(middle_planes(self._dataset, rows[start : start + step])).sum(0)
                for start in range(0, len(rows), step)
            ]
            mean = torch.stack(parts).sum(0) / len(rows)
            self._means[name] = mean if len(rows) >= LEAST else torch.zeros_like(mean)
        return self._means[name]


def _less(fine: Tensor, mean: Tensor) -> Tensor:
    """Subtract a mean (P,) from detail (n, P), as far as each row contains it."""
    times = (fine @ mean / (mean @ mean).clamp(min=1e-12)).clamp(0, MOST)
    return fine - times[:, None] * mean


def _clipped(fine: Tensor) -> Tensor:
    """Clip detail (n, P) at the median of its absolute values, leaving out flat parts."""
    size = fine.abs()
    seen = torch.where(size > ONE_LEVEL / 2, size, torch.nan)
    limit = seen.nanmedian(1, keepdim=True).values.nan_to_num(ONE_LEVEL / 2)
    return torch.maximum(torch.minimum(fine, limit), -limit)
