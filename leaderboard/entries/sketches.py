"""Sketches of predictions: small enough to keep for every seed, and enough to find two that are alike.

What is compared is the order of the images of one class under one condition. It is what a fit has of its own: noise on
the labels, the luck of the start, what it finds hard. Rescaling the probabilities leaves it as it is, and so does any
bonus for the right answer. A random projection (Johnson and Lindenstrauss 1984) keeps the distances between these
orders; every prediction has a part in every number, so no few of them can be changed to look different.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...benchmark.protocols.condition import Condition
from ...benchmark.protocols.protocol import MOST_CONDITIONS, Protocol
from ...benchmark.scoring.bootstrap import ResampledSplit, split_key

WIDTH = 64  # numbers per block: a squared distance is kept to within 18 % (one standard deviation)
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
    order, digests, misfit = [], [], np.zeros(3)
    hits, answered = np.zeros(WIDTH), 0
    seen: set[tuple[str, str]] = set()
    for block in blocks(protocol):
        total, used = np.zeros(WIDTH), 0
        for key, split in zip(block.keys, block.splits, strict=True):
            labels, given = splits[split].labels, arrays[key]
            signs = _signs(f"{protocol.truth_sha256} {key}", given.shape[0], given.shape[1])
            within = _order(given, labels)
            right = _of_length_1(_centred((given.argmax(axis=1) == labels).astype(np.float64), labels))
            total += _project(signs[:, :-1].reshape(len(signs), -1), within.ravel())
            hits += _project(signs[:, -1], right)
            used, answered = used + bool(within.any()), answered + bool(right.any())
            digests.append(_digest(given))
            if split not in seen:
                seen.add(split)
                misfit += _misfit(given, labels)
        order.append(total / np.sqrt(max(used, 1) * WIDTH))
    hits /= np.sqrt(max(answered, 1) * WIDTH)
    return Sketch(
        np.array(order, np.float32)[None],
        hits.astype(np.float32)[None],
        np.array(digests, np.uint64)[None],
        misfit[None],
    )


def stacked(parts: list[Sketch]) -> Sketch:
    """Join sketches of single seeds."""
    names = ("order", "hits", "digests", "misfit")
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _order(given: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rank the images of each class by their log ratios to the first class: (K - 1, N), together of length 1.

    Temperature and bias keep these ranks. Equal ones share their mean rank.
    """
    logs = np.log(np.maximum(given.astype(np.float64), 1e-12))
    found = np.zeros((given.shape[1] - 1, len(given)))
    for column, values in enumerate((logs[:, 1:] - logs[:, :1]).T):
        sequence = np.lexsort((values, labels))
        sorted_values, sorted_labels = values[sequence], labels[sequence]
        changes = (sorted_values[1:] != sorted_values[:-1]) | (sorted_labels[1:] != sorted_labels[:-1])
        starts = np.flatnonzero(np.concatenate([[True], changes]))
        ends = np.append(starts[1:], len(values))
        found[column, sequence] = np.repeat((starts + ends) / 2, ends - starts)
        found[column] = _centred(found[column], labels, scaled=True)
    return _of_length_1(found)


def _centred(values: NDArray[np.float64], labels: NDArray[np.int64], *, scaled: bool = False) -> NDArray[np.float64]:
    """Subtract the mean of each class, and divide by its standard deviation (where it is not 0)."""
    count = np.maximum(np.bincount(labels), 1)
    away = values - (np.bincount(labels, values) / count)[labels]
    if not scaled:
        return np.asarray(away)
    spread = np.sqrt(np.bincount(labels, away**2) / count)
    return np.asarray(away / np.where(spread > 1e-9, spread, 1.0)[labels])


def _of_length_1(values: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.sqrt((values**2).sum()))
    return values / length if length > 1e-9 else np.zeros_like(values)


@lru_cache(maxsize=MOST_CONDITIONS)
def _signs(address: str, samples: int, classes: int) -> NDArray[np.uint8]:
    """Draw signs that depend on an address alone, packed: (WIDTH / 8, classes, samples), the last row for the hits."""
    words = hashlib.sha256(f"{SEED} {address}".encode()).digest()
    drawn = np.random.default_rng(list(words)).bytes(WIDTH // 8 * classes * samples)
    return np.frombuffer(drawn, np.uint8).reshape(WIDTH // 8, classes, samples)


def _project(signs: NDArray[np.uint8], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (WIDTH,) sums of values under packed signs."""
    bits = np.unpackbits(signs, axis=0)
    return np.asarray(2 * (bits.astype(np.float32) @ values.astype(np.float32)) - values.sum(), np.float64)


def _digest(given: NDArray[np.float32]) -> int:
    rows = np.ascontiguousarray(given)
    if max(len(np.unique(column)) for column in rows.T) < LEAST_DISTINCT:
        return 0
    return int.from_bytes(hashlib.sha256(rows.tobytes()).digest()[:8], "little") or 1


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
