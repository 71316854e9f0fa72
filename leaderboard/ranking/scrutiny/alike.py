"""Entries and seeds whose predictions are equal or nearly so.

Measured is rho, the rank correlation of two seeds within classes (`entries.sketches`). Independent fits among the 30
entries of brain-mri-sim, version 1, reached .94 over all conditions (two CBR networks of one seed) and .97 over one
shift. The limits lie where the distance 1 - rho is a third of that, so that neither sampling nor the sketch carries
honest fits over them. A copy is found with noise of a tenth of the spread of its log odds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....benchmark.files.wording import plural
from ....benchmark.protocols.protocol import Protocol
from ...entries.sketches import blocks
from .lineage import Lineages, lineages
from .remark import Remark, listed

if TYPE_CHECKING:
    from ....benchmark.submissions.card import Card
    from ..board import Row

NEAR = 0.98  # rho over all conditions, of seeds that stand on different fits
NEAR_IN_PART = 0.99  # over one block, which 64 numbers stand for: the distance is known to within 18 %
NEAR_RELATED = 0.9999  # of seeds that stand on one fit: the committed ones reach .9997 (adabn and tent)
LEAST_GROUPS = 30  # with fewer, rho itself is too uncertain
LEAST_MISSES = 50  # wrong answers by which hard decisions are compared
AT_ONCE = 512  # seeds compared with all others at a time
LEAST_LENGTH = 0.5  # of a sketch, squared: it is 1, kept to within 18 %, unless the predictions are constant


class Seed(NamedTuple):
    """One seed of an entry."""

    row: Row
    card: Card

    @property
    def name(self) -> str:
        """Entry and seed."""
        return f"{self.row.name}/seed-{self.card.seed}"


class Match(NamedTuple):
    """Two seeds, by number, and how they are alike."""

    one: int
    other: int
    how: str
    in_part: bool = False


def remarks(rows: Sequence[Row], protocol: Protocol, groups: Mapping[tuple[str, str], int]) -> list[Remark]:
    """Name the seeds that are alike, those of one chain in one sentence."""
    if not rows:
        return []
    seeds = [Seed(row, card) for row in rows for card in row.cards]
    of = lineages(rows)
    found = [*_equal(rows, of), *_near(rows, of, protocol, groups)]
    return [_remark([seeds[index] for index in chain], how, patched) for chain, how, patched in _chains(found)]


def _remark(chain: Sequence[Seed], how: str, patched: bool) -> Remark:
    """Write the remark on a chain, whose first seed has the most matches.

    It is a mark beside the claimed ones alone, where others of the chain were run again: those came out of their code.
    """
    hub, *others = chain
    names = [seed.name for seed in others]
    suspects = [seed for seed in chain if seed.row.claimed] or chain
    entries = sorted({seed.row.name for seed in suspects})
    if len({seed.row.name for seed in chain}) == 1:
        return Remark("alike", (entries[0],), f"{listed([hub.name, *names])} are of one fit: their predictions {how}")
    if patched and len({seed.row.name for seed in others}) > 1:
        # who took from whom is not to be seen here: all of them are looked at
        told = f"{hub.name} is pieced together from {listed(names)}, or they from it: predictions {how}"
        return Remark("alike", tuple(entries), told)
    return Remark("alike", tuple(entries), f"{listed([hub.name, *names])} are too alike: their predictions {how}")


def _chains(found: Sequence[Match]) -> list[tuple[list[int], str, bool]]:
    """Join matches that share a seed: the seeds of each chain, how the first two are alike, and whether in part."""
    parent: dict[int, int] = {}

    def root(index: int) -> int:
        while parent.setdefault(index, index) != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    partners: dict[int, set[int]] = defaultdict(set)
    for match in found:
        parent[root(match.other)] = root(match.one)
        partners[match.one].add(match.other)
        partners[match.other].add(match.one)
    chains: dict[int, list[Match]] = defaultdict(list)
    for match in found:
        chains[root(match.one)].append(match)
    done = []
    for matches in chains.values():
        members = sorted({index for match in matches for index in (match.one, match.other)})
        hub = max(members, key=lambda index: len(partners[index]))
        done.append(
            ([hub, *(index for index in members if index != hub)], matches[0].how, all(m.in_part for m in matches))
        )
    return done


def _equal(rows: Sequence[Row], of: Lineages) -> Iterator[Match]:
    """Find seeds of which predictions are equal to the last bit, in all conditions or, of unrelated ones, in some."""
    digests = np.concatenate([row.scored.digests for row in rows])
    pairs: dict[tuple[int, int], int] = defaultdict(int)
    for column in digests.T:
        first: dict[int, int] = {}
        for index, digest in enumerate(column.tolist()):
            if digest and first.setdefault(digest, index) != index:
                pairs[first[digest], index] += 1
    for (one, other), count in pairs.items():
        own = slice(one, one + 1)
        if of.one_fit(own)[0, other]:
            continue
        if count == np.count_nonzero(digests[one]):
            yield Match(one, other, "are equal in every condition")
        elif not of.related(own)[0, other]:
            yield Match(one, other, f"are equal in {count} of {plural(digests.shape[1], 'condition')}", in_part=True)


def _near(
    rows: Sequence[Row], of: Lineages, protocol: Protocol, groups: Mapping[tuple[str, str], int]
) -> Iterator[Match]:
    """Find seeds of nearly equal order, over all conditions or in a block, and hard decisions that are nearly equal."""
    parts = blocks(protocol)
    if sum(groups[split] for split in {split for part in parts for split in part.splits}) < LEAST_GROUPS:
        return
    order = np.concatenate([row.scored.order for row in rows])
    hits = np.concatenate([row.scored.hits for row in rows])
    misses = np.concatenate([row.scored.misfit[:, 2] for row in rows])
    digests = np.concatenate([row.scored.digests for row in rows])
    hard = np.count_nonzero(digests, axis=1) * 2 < digests.shape[1]
    large = [index for index, part in enumerate(parts) if min(groups[split] for split in part.splits) >= LEAST_GROUPS]
    whole = (order.reshape(len(order), -1) / np.sqrt(len(parts))).astype(np.float32)
    units = order / np.maximum(np.linalg.norm(order, axis=2, keepdims=True), 1e-9)
    for begin in range(0, len(order), AT_ONCE):
        own = slice(begin, begin + AT_ONCE)
        later = np.arange(len(order)) > np.arange(len(order))[own, None]
        kin, open_ = of.related(own), later & ~of.one_fit(own)
        agreed = _agreement(whole[own], whole)
        alike = open_ & (agreed >= np.where(kin, NEAR_RELATED, NEAR))
        yield from _firsts(alike, begin, f"have the same order within classes (rho above {NEAR:g})")
        open_ &= ~kin & ~alike
        for index in large:
            if not (open_ & (units[own, index] @ units[:, index].T >= NEAR_IN_PART - 1e-4)).any():
                continue  # rho is at most the cosine
            of_block = _agreement(order[own, index], order[:, index])
            how = f"have the same order within classes under {parts[index].title} (rho above {NEAR_IN_PART:g})"
            yield from _firsts(open_ & (of_block >= NEAR_IN_PART), begin, how, in_part=True)
        if hard.any():
            compared = open_ & (hard[own, None] | hard) & (np.minimum(misses[own, None], misses) >= LEAST_MISSES)
            decided = compared & (_agreement(hits[own], hits) >= NEAR)
            yield from _firsts(decided, begin, "are right and wrong on the same images")


def _agreement(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rho from the distances of sketches; 0 where one of two is constant in most of what is compared."""
    lengths = [(each**2).sum(axis=1) for each in (some, others)]
    least = np.minimum(lengths[0][:, None], lengths[1])
    distance = lengths[0][:, None] + lengths[1] - 2 * (some @ others.T)
    return np.where(least > LEAST_LENGTH, 1 - distance / np.maximum(2 * least, LEAST_LENGTH), 0)


def _firsts(found: NDArray[np.bool_], begin: int, how: str, *, in_part: bool = False) -> Iterator[Match]:
    """Yield, for each seed, the first one before it that it is like: enough to chain all that are alike."""
    for other in np.flatnonzero(found.any(axis=0)).tolist():
        yield Match(begin + int(found[:, other].argmax()), other, how, in_part)
