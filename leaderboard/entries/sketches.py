"""Sketches of predictions: small enough to keep for every seed, and enough to find two that are alike.

What is compared is the order of the images of one class under one condition. It is what a fit has of its own: noise on
the labels, the luck of the start, what it finds hard. Rescaling the probabilities leaves it as it is, and so does any
bonus for the right answer. A random projection (Johnson and Lindenstrauss 1984) keeps the distances between these
orders. It is sparse (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"): every prediction is
added to one number, or taken from it, which keeps a squared distance as well on average as dense signs do, with no more
variance. A number holds so many predictions that no few of them can be changed to look different.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...benchmark.protocols.condition import Condition
from ...benchmark.protocols.protocol import MOST_CONDITIONS, Protocol
from ...benchmark.scoring.bootstrap import ResampledSplit, split_key
from ...benchmark.scoring.metrics import top_class

WIDTH = 64  # numbers per block: a squared distance is kept to within 18 % (one standard deviation)
TOGETHER = 32  # conditions that are sorted at once
LEAST_DISTINCT = 10  # rows of a condition: fewer can be equal by chance, such as hard decisions that are all right
SEED = 20260711
Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Block:
    """Conditions that are compared together: source validation, the clean test, a real site, or a shift.

    Args:
        title: Its name, as printed.
        keys: Its conditions.
        splits: (domain, split) of each condition.
    """

    title: str
    keys: tuple[str, ...]
    splits: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Sketch:
    """Sketches of the seeds of one entry.

    Args:
        order: (S, blocks, WIDTH) the order within classes; differences of two have the length of those of the orders,
            which have length 1. Zero where there is no order.
        hits: (S, WIDTH) the same of right and wrong answers, over all conditions.
        digests: (S, C) by condition, equal where the predictions are; 0 where too few rows are distinct.
        misfit: (S, 3) how far the hits lie from the confidences, as chi-squared; its degrees of freedom; and the number
            of wrong answers; over source validation, the clean test and the real sites.
    """

    order: NDArray[np.float32]
    hits: NDArray[np.float32]
    digests: NDArray[np.uint64]
    misfit: NDArray[np.float64]


def blocks(protocol: Protocol) -> list[Block]:
    """List the blocks of a protocol, in the order of its conditions."""
    found: dict[str, list[Condition]] = {}
    for condition in protocol.conditions():
        found.setdefault(condition.shift or condition.key, []).append(condition)
    return [
        Block(title, tuple(one.key for one in members), tuple(split_key(one) for one in members))
        for title, members in found.items()
    ]


def sketch(protocol: Protocol, arrays: Arrays, splits: Mapping[tuple[str, str], ResampledSplit]) -> Sketch:
    """Sketch the predictions of one seed; the first axis of every field has length 1.

    Args:
        protocol: Its protocol.
        arrays: Probabilities by condition.
        splits: Result of `bootstrap.resampled_splits`.
    """
    found = blocks(protocol)
    where = {key: number for number, block in enumerate(found) for key in block.keys}
    order, used = np.zeros((len(found), WIDTH)), np.zeros(len(found))
    hits, answered, misfit = np.zeros(WIDTH), 0, np.zeros(3)
    digests: dict[str, int] = {}
    for split, keys in _by_split(found):
        classes = Classes.of(splits[split].labels)
        misfit += _misfit(arrays[keys[0]], classes.labels)
        for start in range(0, len(keys), TOGETHER):
            some = keys[start : start + TOGETHER]
            given = np.stack([arrays[key] for key in some])
            within = _order(given, classes)
            right = classes.centred((top_class(given)[0] == classes.labels)[:, None].astype(np.float64))
            values = np.concatenate([within, _of_length_1(right)], axis=1)
            places = np.stack([_places(f"{protocol.truth_sha256} {key}", *given.shape[1:]) for key in some])
            parts, used_by = _project(places, values), np.any(values, axis=2)
            for key, mine, any_of, enough in zip(some, parts, used_by, _distinct(given), strict=True):
                order[where[key]] += mine[:-1].sum(axis=0)
                used[where[key]] += any_of[:-1].any()
                hits += mine[-1]
                answered += int(any_of[-1])
                digests[key] = _digest(arrays[key]) if enough else 0
    order /= np.sqrt(np.maximum(used, 1))[:, None]
    hits /= np.sqrt(max(answered, 1))
    return Sketch(
        order.astype(np.float32)[None],
        hits.astype(np.float32)[None],
        np.array([digests[key] for key in where], np.uint64)[None],
        misfit[None],
    )


def _by_split(found: Sequence[Block]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Yield (domain, split) and the conditions on its images, of all blocks."""
    together: dict[tuple[str, str], list[str]] = {}
    for block in found:
        for key, split in zip(block.keys, block.splits, strict=True):
            together.setdefault(split, []).append(key)
    yield from together.items()


def stacked(parts: list[Sketch]) -> Sketch:
    """Join sketches of single seeds."""
    names = ("order", "hits", "digests", "misfit")
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True, eq=False)
class Classes:
    """The images of one split by class.

    Args:
        labels: (N,) classes.
        sequence: (N,) the images of the first class, then those of the next.
        starts: Of each class that occurs, where it begins in that sequence.
    """

    labels: NDArray[np.int64]
    sequence: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, labels: NDArray[np.int64]) -> Classes:
        """Sort images by class."""
        sequence = np.argsort(labels, kind="stable")
        ordered = labels[sequence]
        return cls(labels, sequence, np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])))

    def centred(self, values: NDArray[np.float64], *, scaled: bool = False) -> NDArray[np.float64]:
        """Subtract the mean of each class from (..., N), and divide by its standard deviation (where it is not 0)."""
        counts = np.diff(np.append(self.starts, len(self.labels)))
        ordered = values[..., self.sequence]
        away = ordered - np.repeat(np.add.reduceat(ordered, self.starts, axis=-1) / counts, counts, axis=-1)
        if scaled:
            spread = np.sqrt(np.add.reduceat(away**2, self.starts, axis=-1) / counts)
            away /= np.repeat(np.where(spread > 1e-9, spread, 1.0), counts, axis=-1)
        found = np.empty_like(away)
        found[..., self.sequence] = away
        return found


def _order(given: NDArray[np.float32], classes: Classes) -> NDArray[np.float64]:
    """Rank the images of each class by their ratios to the first class: (C, K - 1, N), each of C of length 1.

    Temperature and bias keep these ranks. Equal ones share their mean rank.

    Args:
        given: (C, N, K) probabilities under C conditions.
        classes: Of the N images.
    """
    exact = np.moveaxis(np.maximum(given.astype(np.float64), 1e-12), 2, 1)
    ratios = exact[:, 1:] / exact[:, :1]
    found = np.empty_like(ratios)
    for start, end in pairwise([*classes.starts.tolist(), len(classes.labels)]):
        mine = classes.sequence[start:end]
        found[..., mine] = _mean_ranks(ratios[..., mine])
    return _of_length_1(classes.centred(found, scaled=True))


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank along the last axis, from 0; equal values share the mean of their ranks."""
    sequence = np.argsort(values, axis=-1)
    rows = np.arange(0, values.size, values.shape[-1]).reshape(*values.shape[:-1], 1)
    places = sequence + rows  # among all values: indexing along an axis takes three times as long
    ordered = values.ravel()[places]
    changes = ordered[..., 1:] != ordered[..., :-1]
    ranks = np.empty(values.shape)
    ranks[...] = np.arange(values.shape[-1])
    tied = ~changes.all(axis=-1)  # of a network no or few, as a rule
    if tied.any():
        ranks[tied] = _shared_ranks(changes[tied])
    found = np.empty(values.size)
    found[places] = ranks
    return found.reshape(values.shape)


def _shared_ranks(changes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean ranks (R, N) of ordered values, given where one differs from the value before (R, N - 1)."""
    count = changes.shape[-1] + 1
    places = np.arange(count)
    first, last = np.zeros((len(changes), count), np.int64), np.full((len(changes), count), count - 1)
    first[:, 1:] = np.maximum.accumulate(np.where(changes, places[1:], 0), axis=-1)
    falling = np.where(changes, places[:-1], places[-1])[:, ::-1]
    last[:, :-1] = np.minimum.accumulate(falling, axis=-1)[:, ::-1]
    return np.asarray((first + last) / 2)


def _of_length_1(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale each of (C, ...) to length 1; zeros stay."""
    length = np.sqrt((values**2).sum(axis=(1, 2), keepdims=True))
    return np.where(length > 1e-9, values / np.where(length > 1e-9, length, 1.0), 0.0)


@lru_cache(maxsize=MOST_CONDITIONS)
def _places(address: str, samples: int, classes: int) -> NDArray[np.uint8]:
    """Draw the places of values (classes, samples), the last row being that of the hits, from an address alone.

    A place is one of WIDTH numbers, and of as many more for what is taken from them instead of added.
    """
    words = hashlib.sha256(f"{SEED} {address}".encode()).digest()
    return np.random.default_rng(list(words)).integers(2 * WIDTH, size=(classes, samples), dtype=np.uint8)


def _project(places: NDArray[np.uint8], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum values (C, K, N) by their places, of the same shape; return (C, K, WIDTH)."""
    rows = np.prod(values.shape[:2], dtype=int)
    cells = places.reshape(rows, -1) + 2 * WIDTH * np.arange(rows)[:, None]
    sums = np.bincount(cells.ravel(), values.ravel(), rows * 2 * WIDTH).reshape(*values.shape[:2], 2, WIDTH)
    return np.asarray(sums[:, :, 0] - sums[:, :, 1])


def _distinct(given: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say for each of (C, N, K) whether enough rows differ; the first images show it, as a rule."""
    enough = np.zeros(len(given), bool)
    for images in (8 * LEAST_DISTINCT, given.shape[1]):
        ordered = np.sort(given[~enough, :images], axis=1)
        changes = (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
        enough[~enough] = (changes.max(axis=1) + 1 >= LEAST_DISTINCT) if ordered.shape[1] else False
        if enough.all():
            break
    return enough


def _digest(rows: NDArray[np.float32]) -> int:
    return int.from_bytes(hashlib.sha256(np.ascontiguousarray(rows).tobytes()).digest()[:8], "little") or 1


def _misfit(given: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return chi-squared of the hits given the confidences, its degrees of freedom, and the number of wrong answers.

    It is of those tenths of the images, by confidence, in which five right and five wrong answers are expected.
    Groups of correlated images make it larger, never smaller, so that a value far too small needs the labels.
    """
    top = given.max(axis=1).astype(np.float64)
    hit = given.argmax(axis=1) == labels
    total, freedom = 0.0, 0
    if len(np.unique(top)) < LEAST_DISTINCT:  # tenths of equal confidence are drawn by sample id, perhaps evenly
        return np.array([0, 0, len(hit) - hit.sum()], np.float64)
    for part in np.array_split(np.argsort(top, kind="stable"), 10):
        variance, misses = float((top[part] * (1 - top[part])).sum()), float((1 - top[part]).sum())
        if misses >= 5 and len(part) - misses >= 5:
            total += (float(hit[part].sum()) - float(top[part].sum())) ** 2 / variance
            freedom += 1
    return np.array([total, freedom, len(hit) - hit.sum()], np.float64)
