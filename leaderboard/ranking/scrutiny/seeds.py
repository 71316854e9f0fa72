"""Entries whose seeds are not the first: which of many are shown could have been picked by their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .remark import Remark, listed

if TYPE_CHECKING:
    from ..board import Row


def remarks(rows: Sequence[Row]) -> Iterator[Remark]:
    """Name each entry whose n seeds are not 0 to n - 1."""
    for row in rows:
        seeds = sorted(card.seed for card in row.cards)
        if seeds != list(range(len(seeds))):
            which = f"seed {seeds[0]} is" if len(seeds) == 1 else f"seeds {listed(list(map(str, seeds)))} are"
            first = "0" if len(seeds) == 1 else f"0 to {len(seeds) - 1}"
            yield Remark("picked seeds", (row.name,), f"{row.name}: {which} submitted, not {first}")
