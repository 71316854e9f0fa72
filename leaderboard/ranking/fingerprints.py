"""Submissions whose shifts made other pixels than those of most entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .board import Row

MOST_NOTED = 10  # submissions with unusual fingerprints that are named


def unusual_pixels(rows: Sequence[Row]) -> list[str]:
    """Write a note for every submission whose shift fingerprints differ from those of most entries.

    An entry has one vote, however many seeds it has; where some are verified, only these vote.
    """
    prints: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        for card in row.cards:
            text = "\n".join(f"{name} {value}" for name, value in sorted(card.shifts.items()))
            prints.setdefault(text, {}).setdefault(row.name, []).append(f"{row.name}/seed-{card.seed}")
    voting = {row.name for row in rows if row.verified} or {row.name for row in rows}
    usual = max(prints.values(), key=lambda entries: len(voting & entries.keys()), default={})
    odd = [name for entries in prints.values() if entries is not usual for names in entries.values() for name in names]
    why = "the fingerprints of its shifts differ from most entries', so it may have seen different pixels"
    more = [f"{len(odd) - MOST_NOTED} more differ in their fingerprints"] if len(odd) > MOST_NOTED else []
    return [f"{name}: {why}" for name in odd[:MOST_NOTED]] + more
