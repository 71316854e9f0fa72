"""Duplicate and near-duplicate images: leaks that group labels do not reveal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ..datasets.dataset import Dataset
from .common_parts import CommonDetail, detail, middle_planes, unit, without_domain_means
from .measures.table import BATCH

SIDE = 16  # pixels per side of the low-pass images that candidates are found by
CANDIDATE = 0.97  # candidates: correlation of the low-pass images above this
CANDIDATE_REST = 0.9  # and that of what remains of them without the domains' mean images
DUPLICATE = 0.75  # near duplicates: correlation of the detail, as it is and without what is common, from this up
BLOCK = 512  # images compared with all others at a time
MOST = 10_000  # candidates compared per block, the most similar first


@dataclass(frozen=True)
class Pair:
    """A pair of duplicate images.

    Args:
        first: Row of the data set.
        second: Row of the data set.
        similarity: Correlation of their detail; 1 for identical bytes, below 0 if one is the other inverted.
        exact: Whether the images are byte-identical.
        across: The columns in which they differ, out of `split`, `domain`, `group` and `label`.
    """

    first: int
    second: int
    similarity: float
    exact: bool
    across: tuple[str, ...]

    @property
    def inverted(self) -> bool:
        """Whether one is bright where the other is dark, as where `MONOCHROME1` was overlooked."""
        return self.similarity < 0


@dataclass(frozen=True)
class Duplicates:
    """All pairs, the most harmful first, and how many candidates were skipped because there were too many."""

    pairs: list[Pair]
    left_out: int

    def count(self, across: str, *, exact: bool | None = None, inverted: bool | None = None) -> int:
        """Return the number of pairs that differ in `split`, `domain`, `group` or `label`."""
        return sum(
            across in pair.across and exact in (None, pair.exact) and inverted in (None, pair.inverted)
            for pair in self.pairs
        )


def duplicates(
    dataset: Dataset, table: pd.DataFrame, progress: Callable[[int, int], None] = lambda done, total: None
) -> Duplicates:
    """Find duplicates in a data set: identical bytes, or the same detail at another brightness or quality, or inverted.

    Candidates are images whose 16 x 16 low-pass versions correlate, or are each other's opposite. Their fine detail is
    then compared at full resolution, where two different images have nothing in common but frames and markers, which
    `common_parts` removes. Mirrored, rotated or moved copies are not found.
    Memory is bounded by the block; time grows with the square of the number of images.

    Args:
        dataset: The images.
        table: Its rows in order, with `group`, `domain`, `label` and `split`.
        progress: Called with (images compared, total number of images).
    """
    identical = _identical(dataset)
    low = _low_pass(dataset)
    rest = without_domain_means(low, dataset.table["domain"].to_numpy())
    common = CommonDetail(dataset)
    found = dict.fromkeys(identical, 1.0)
    left_out = 0
    for start in range(0, len(low), BLOCK):
        candidates, more = _candidates(low, rest, start)
        left_out += more
        fresh = [pair for pair in candidates if pair not in found]
        for pair, similarity in zip(fresh, _similarities(dataset, fresh), strict=True):
            inverted = similarity < 0
            if abs(similarity) >= DUPLICATE and common.rest_similarity(*pair, inverted=inverted) >= DUPLICATE:
                found[pair] = similarity
        progress(min(start + BLOCK, len(low)), len(low))
    exact = set(identical)
    values = {name: table[name].to_numpy() for name in ("split", "domain", "group", "label")}
    pairs = [
        Pair(a, b, similarity, (a, b) in exact, tuple(name for name, value in values.items() if value[a] != value[b]))
        for (a, b), similarity in found.items()
    ]
    return Duplicates(sorted(pairs, key=lambda p: (-_harm(p), -abs(p.similarity), p.first, p.second)), left_out)


def _harm(pair: Pair) -> int:
    weights = {"group": 8, "split": 4, "label": 2, "domain": 1}
    return sum(weights[name] for name in pair.across)


def _identical(dataset: Dataset) -> list[tuple[int, int]]:
    """Pair each image with the first one that has the same bytes; those of one value have a finding of their own."""
    first: dict[bytes, int] = {}
    pairs = []
    for row in range(len(dataset.pixels)):
        pixels = np.ascontiguousarray(dataset.pixels[row])
        if (pixels == pixels.flat[0]).all():
            continue
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
        if first.setdefault(digest, row) != row:
            pairs.append((first[digest], row))
    return pairs


def _low_pass(dataset: Dataset) -> Tensor:
    """Return (N, 256) float32: low-pass images, centred and of unit length; zeros for an image without contrast."""
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    parts = []
    for start in range(0, len(dataset.pixels), step):
        plane = middle_planes(dataset, np.arange(start, min(start + step, len(dataset.pixels))))
        small = adaptive_avg_pool2d(plane[:, None], SIDE).flatten(1)
        small = small - small.mean(1, keepdim=True)
        length = small.norm(dim=1, keepdim=True)
        parts.append(torch.where(length > 0.02, small / length.clamp(min=1e-9), 0))
    return torch.cat(parts)


def _candidates(low: Tensor, rest: Tensor, start: int) -> tuple[list[tuple[int, int]], int]:
    """Return the candidates of a block with all later images, the most similar first, and the number left out."""
    close = (low[start : start + BLOCK] @ low[start:].T).triu_(1).abs_() > CANDIDATE
    similarity = (rest[start : start + BLOCK] @ rest[start:].T).abs_()
    first, second = (close & (similarity > CANDIDATE_REST)).nonzero(as_tuple=True)
    order = similarity[first, second].argsort(descending=True)[:MOST]
    pairs = torch.stack([first[order] + start, second[order] + start], dim=1).tolist()
    return [(a, b) for a, b in pairs], max(0, len(first) - MOST)


def _similarities(dataset: Dataset, pairs: list[tuple[int, int]]) -> list[float]:
    """Return the correlation of detail within each pair."""
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    found: list[float] = []
    for start in range(0, len(pairs), step):
        index = np.asarray(pairs[start : start + step])
        one, other = (unit(detail(middle_planes(dataset, index[:, side]))) for side in (0, 1))
        found += (one * other).sum(1).tolist()
    return found
