"""Which finding holds on every board: what the boards' pages state, as a table of findings by boards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

from ....benchmark.contract.entry import APPROACHES, Approach
from ....benchmark.contract.sees import SEES, Sees
from ...ranking.board import Board
from ...ranking.networks import on_networks
from ..answer import Basis, compared_entries
from ..approach import by_approach
from ..correlation import FEWEST, Correlation
from ..headline import BestOfEach, under
from ..wording import difference
from .duels import Outcome, verdict

Verdict: TypeAlias = Literal["supported", "not supported", "opposite", "cannot be told"]
TOLD: Mapping[Outcome, Verdict] = {"better": "supported", "worse": "opposite", "not told apart": "not supported"}
BASES: Mapping[Basis, str] = {
    "convergence": "at equal convergence",
    "steps": "at equal steps",
    "all": "not shown to have converged",
}


@dataclass(frozen=True)
class Stated:
    """What a board says of a finding.

    Args:
        verdict: Whether it is supported there.
        why: The figure, or why it cannot be told.
    """

    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Finding:
    """A finding on every board.

    Args:
        text: The finding, as a statement.
        stated: Board -> what it says of it.
    """

    text: str
    stated: Mapping[str, Stated]

    @property
    def holds(self) -> str:
        """On how many boards it is supported, in words."""
        verdicts = [each.verdict for each in self.stated.values()]
        for same, words in (("supported", "on every board"), ("opposite", "the opposite, on every board")):
            if all(each == same for each in verdicts):
                return words
        count = verdicts.count("supported")
        return f"on {count} of {len(verdicts)} boards" if count else "on none"


def findings_by_board(boards: Sequence[Board], correlations: Sequence[Correlation | None]) -> list[Finding]:
    """Collect the findings that at least one board can tell anything of."""
    compared = [compared_entries(board) for board in boards]
    rows = []
    for one, other in combinations(APPROACHES, 2):
        stated = {
            board.protocol.name: _approaches(board, *found, one, other)
            for board, found in zip(boards, compared, strict=True)
        }
        rows.append(Finding(f"{one[0].upper()}{one[1:]} is better than {other} under shift", stated))
    predicted = {
        board.protocol.name: _predicted(board, found) for board, found in zip(boards, correlations, strict=True)
    }
    rows.append(Finding("Synthesized shifts predict the real ones better than clean performance does", predicted))
    for sees in SEES:
        for name in _leaders(boards, sees):
            leading = {board.protocol.name: _leads(board, sees, name) for board in boards}
            rows.append(Finding(f"{name} leads the methods that see {sees}", leading))
    return [row for row in rows if any(each.verdict != "cannot be told" for each in row.stated.values())]


def _approaches(board: Board, found: BestOfEach | None, basis: Basis, one: Approach, other: Approach) -> Stated:
    """Compare the best entries of two approaches as the board's answer does."""
    kinds = by_approach(board.rows)
    for kind in (one, other):
        if kind not in kinds:
            return Stated("cannot be told", f"no ranked entry of {kind}")
        if found is None or kind not in found.best:
            return Stated("cannot be told", f"no entry of {kind} is shown to have trained long enough")
    assert found is not None
    best = [found.best[kind] for kind in (one, other)]
    figure = f"{best[0].name} less {best[1].name}: {difference(board, *best)}"
    return Stated(TOLD[verdict(board, *best)], f"{figure} {under(board)}, {BASES[basis]}")


def _predicted(board: Board, found: Correlation | None) -> Stated:
    if found is None:
        return Stated("cannot be told", "no real or no synthesized shift, or fewer than two entries")
    on = on_networks(found.entries, found.networks)
    if found.networks < FEWEST:
        least = f"at least {FEWEST} {'networks ' if on else ''}are needed"
        return Stated("cannot be told", f"{found.entries} entries{on}; {least}")
    row = found.rows[1]
    gain, low, high = row.gain
    if math.isnan(gain):
        return Stated("cannot be told", f"the figures of the {found.entries} entries are the same, or undefined")
    why = f"gain in rank correlation {gain:+.2f} [{low:+.2f}, {high:+.2f}] over {found.entries} entries{on}"
    return Stated("supported" if row.beats else "opposite" if row.fails else "not supported", why)


def _leaders(boards: Sequence[Board], sees: Sees) -> list[str]:
    """List the entries that come first on some board among several that see the same."""
    names: dict[str, None] = {}
    for board in boards:
        ranked = [row for row in board.by_sees().get(sees, []) if row.rank is not None]
        if len(ranked) > 1:
            names.setdefault(ranked[0].name)
    return list(names)


def _leads(board: Board, sees: Sees, name: str) -> Stated:
    """Say whether an entry is alone in the first tier."""
    ranked = [row for row in board.by_sees().get(sees, []) if row.rank is not None]
    row = next((row for row in ranked if row.name == name), None)
    if row is None:
        return Stated("cannot be told", "it has no rank there")
    if len(ranked) < 2:
        return Stated("cannot be told", "there is none to rank it against")
    where = f"rank {row.rank} of {len(ranked)}, tier {row.tier}"
    if row.supported:
        return Stated("opposite", f"{where}: {ranked[0].name} is better")
    first = [each.name for each in ranked if each.tier == 1]
    shares = ", which it shares" if name in first and len(first) > 1 else ""
    return Stated("supported" if first == [name] else "not supported", where + shares)
