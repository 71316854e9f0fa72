"""How many entries of one method and one submitter a board has, and which were tuned: guards against tuning to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...benchmark.files.wording import plural

if TYPE_CHECKING:
    from .board import Board, Row

MOST_NAMED = 5


def entries_in_words(boards: Sequence[Board]) -> str:
    """Count the entries of some boards, and those run again where that is kept count of: `6 entries, 4 verified`."""
    count = sum(len(board.rows) for board in boards)
    text = "1 entry" if count == 1 else f"{count:,} entries"
    kept = [board for board in boards if board.registered]
    return f"{text}, {sum(row.verified for board in kept for row in board.rows):,} verified" if kept else text


def counted(rows: Sequence[Row]) -> list[str]:
    """Write the counts of a board as sentences, by the words of the cards."""
    if not rows:
        return []
    methods = Counter(row.cards[0].baseline.name for row in rows)
    submitters = Counter(row.cards[0].submitter or "not stated" for row in rows)
    found = [
        f"Entries by method: {len(rows)} of {plural(len(methods), 'method')}{_several(methods)}.",
        f"Entries by submitter, as the cards say: {_listed(submitters)}.",
    ]
    tuned = [f"{row.name} ({_draws(row)})" for row in rows if any(card.tuning for card in row.cards)]
    if tuned:
        more = f" and {len(tuned) - MOST_NAMED} more" if len(tuned) > MOST_NAMED else ""
        found.append(f"Tuned on source validation: {', '.join(tuned[:MOST_NAMED])}{more}.")
    return found


def _several(methods: Counter[str]) -> str:
    """List the methods with several entries."""
    several = Counter({name: count for name, count in methods.items() if count > 1})
    return f"; with more than one: {_listed(several)}" if several else ", one of each"


def _listed(counts: Counter[str]) -> str:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    more = f" and {len(ordered) - MOST_NAMED} more" if len(ordered) > MOST_NAMED else ""
    return ", ".join(f"{name} {count}" for name, count in ordered[:MOST_NAMED]) + more


def _draws(row: Row) -> str:
    draws = {card.tuning.draws for card in row.cards if card.tuning}
    return f"{' or '.join(map(str, sorted(draws)))} draws a seed"
