"""Images that are there twice, to the byte or nearly: leaks that no group column tells of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ..datasets.dataset import Dataset
from ..datasets.images import to_unit
from .measures.planes import luma, planes, smooth
from .measures.table import BATCH

SIDE = 16  # of the low-pass image by which candidates are found
ALIKE = 0.97  # correlation of low-pass images of candidates
SAME = 0.75  # correlation of what lies between a 3 by 3 and a 7 by 7 mean, of near duplicates
BLOCK = 1024  # images compared with all others at a time
MOST = 20_000  # candidates of a block that are looked at, the most alike first


@dataclass(frozen=True)
class Pair:
    """Two images that are one.

    Args:
        first: Row of the data set.
        second: Row of the data set.
        likeness: Correlation of their detail; 1 and `exact` for the same bytes.
        exact: Whether every pixel is the same.
        across: In what they differ: some of `split`, `domain`, `group`, `label`.
    """

    first: int
    second: int
    likeness: float
    exact: bool
    across: tuple[str, ...]


@dataclass(frozen=True)
class Duplicates:
    """All pairs, those that do most harm first; and how many candidates were left out for their number."""

    pairs: list[Pair]
    left_out: int

    def count(self, across: str, *, exact: bool | None = None) -> int:
        """Returns how many pairs differ in `split`, `domain`, `group` or `label`."""
        return sum(across in pair.across and exact in (None, pair.exact) for pair in self.pairs)


def duplicates(
    dataset: Dataset, table: pd.DataFrame, progress: Callable[[int, int], None] = lambda done, total: None
) -> Duplicates:
    """Returns the duplicates in a data set: the same bytes, or the same detail at another brightness or quality.

    Candidates are images whose 16 x 16 low-pass versions correlate; of those, the fine detail is compared at full
    resolution, where two different images have nothing in common. Copies that were mirrored, turned or moved are not
    found. Memory is bounded by the block; the time grows with the square of the number of images.

    Args:
        dataset: The images.
        table: Its rows in order, with `group`, `domain`, `label` and `split`.
        progress: Called with (images compared, images in all).
    """
    same = _same(dataset)
    low = _low_pass(dataset)
    found = dict.fromkeys(same, 1.0)
    left_out = 0
    for start in range(0, len(low), BLOCK):
        candidates, more = _candidates(low, start)
        left_out += more
        fresh = [pair for pair in candidates if pair not in found]
        for pair, likeness in zip(fresh, _likeness(dataset, fresh), strict=True):
            if likeness >= SAME:
                found[pair] = likeness
        progress(min(start + BLOCK, len(low)), len(low))
    exact = set(same)
    values = {name: table[name].to_numpy() for name in ("split", "domain", "group", "label")}
    pairs = [
        Pair(a, b, likeness, (a, b) in exact, tuple(name for name, value in values.items() if value[a] != value[b]))
        for (a, b), likeness in found.items()
    ]
    return Duplicates(sorted(pairs, key=lambda p: (-_harm(p), -p.likeness, p.first, p.second)), left_out)


def _harm(pair: Pair) -> int:
    weights = {"group": 8, "split": 4, "label": 2, "domain": 1}
    return sum(weights[name] for name in pair.across)


def _same(dataset: Dataset) -> list[tuple[int, int]]:
    """Returns the pairs with the same bytes: each image with the first like it."""
    first: dict[bytes, int] = {}
    pairs = []
    for row in range(len(dataset.pixels)):
        digest = hashlib.blake2b(np.ascontiguousarray(dataset.pixels[row]).tobytes(), digest_size=16).digest()
        if first.setdefault(digest, row) != row:
            pairs.append((first[digest], row))
    return pairs


def _low_pass(dataset: Dataset) -> Tensor:
    """Returns (N, 256) float32: small versions less their mean, of length 1; zeros of an even image."""
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    parts = []
    for start in range(0, len(dataset.pixels), step):
        plane = _plane(dataset, np.arange(start, min(start + step, len(dataset.pixels))))
        small = adaptive_avg_pool2d(plane[:, None], SIDE).flatten(1)
        small = small - small.mean(1, keepdim=True)
        length = small.norm(dim=1, keepdim=True)
        parts.append(torch.where(length > 0.02, small / length.clamp(min=1e-9), 0))
    return torch.cat(parts)


def _plane(dataset: Dataset, rows: NDArray[np.int64]) -> Tensor:
    """Returns the brightness (n, H, W) of images, of a volume that of one slice."""
    flat, slices = planes(to_unit(np.ascontiguousarray(dataset.pixels[rows]), dataset.value_range))
    return luma(flat)[slices // 2 :: slices]


def _candidates(low: Tensor, start: int) -> tuple[list[tuple[int, int]], int]:
    """Returns the candidates of a block with all that come later, the most alike first, and how many were left out."""
    likeness = low[start : start + BLOCK] @ low[start:].T
    likeness = likeness.triu_(1)
    first, second = (likeness > ALIKE).nonzero(as_tuple=True)
    order = likeness[first, second].argsort(descending=True)[:MOST]
    pairs = torch.stack([first[order] + start, second[order] + start], dim=1).tolist()
    return [(a, b) for a, b in pairs], max(0, len(first) - MOST)


def _likeness(dataset: Dataset, pairs: list[tuple[int, int]]) -> list[float]:
    """Returns the correlation of the detail of each pair."""
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    found: list[float] = []
    for start in range(0, len(pairs), step):
        index = np.asarray(pairs[start : start + step])
        one, other = (_detail(_plane(dataset, index[:, side])) for side in (0, 1))
        found += (one * other).sum(1).tolist()
    return found


def _detail(plane: Tensor) -> Tensor:
    fine = (smooth(plane) - smooth(plane, 7)).flatten(1)
    length: Tensor = fine.norm(dim=1, keepdim=True)
    return fine / length.clamp(min=1e-6)
