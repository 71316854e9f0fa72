"""The answer over several boards in plain English: does the order of the approaches hold from one to the next?"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ....benchmark.contract.entry import Approach
from ...ranking.across import Across
from ...ranking.board import Row
from ...ranking.networks import on_networks
from ..answer import Answer
from ..correlation import FEWEST
from ..wording import joined, sentence_case
from .agreement import Agreement
from .duels import bests, verdict

MANY = 4  # entries that are counted, not named


def answer_across(found: Across, agreed: Agreement) -> Answer:
    """Say which approach leads on which board, how far the orders of entries agree, and how far to trust that."""
    best = bests(found)
    kinds = {kind for each in best.values() for kind in each}
    if not found.ranked:
        return Answer("No entry has a rank on every board yet, so that none can be compared.", _caveat(found, best))
    if len(kinds) < 2:
        only = f"All entries that the boards share are {next(iter(kinds))}" if kinds else "No approach is known"
        return Answer(
            f"{only}, so that approaches cannot be compared.", (_orders(found, agreed), *_caveat(found, best))
        )
    return Answer(_line(found, best), (_orders(found, agreed), *_caveat(found, best)))


def _line(found: Across, best: Mapping[str, Mapping[Approach, Row]]) -> str:
    """Write which approach comes first on which board, and on how many its lead is supported."""
    leaders: dict[Approach, list[str]] = {}
    sure: dict[Approach, int] = {}
    for board in found.boards:
        (kind, row), *others = best[board.protocol.name].items()
        leaders.setdefault(kind, []).append(board.protocol.name)
        supported = all(verdict(board, row, other) == "better" for _, other in others)
        sure[kind] = sure.get(kind, 0) + supported
    count = len(found.boards)
    if len(leaders) > 1:
        parts = [f"{kind} on {joined(names)}" for kind, names in leaders.items()]
        return sentence_case(f"{_among(found)}no approach leads on every board: {'; '.join(parts)}.")
    (kind,) = leaders
    lead = _every(sure[kind], count)
    orders = {tuple(each) for each in best.values()}
    same = len(next(iter(orders))) > 2
    rest = "; the order of the others is the same too" if same and len(orders) == 1 else ""
    rest = "; the order of the others is not the same" if len(orders) > 1 else rest
    return sentence_case(f"{_among(found)}{kind} leads on {_all(count)}, {lead}{rest}.")


def _among(found: Across) -> str:
    """Say among which entries an approach leads, unless the boards rank no others: one of those may lead a board."""
    count = len(found.ranked)
    if all(sum(row.rank is not None for row in board.rows) == count for board in found.boards):
        return ""
    if count > MANY:
        return f"among the {count} entries that all boards rank, "
    return f"among the entries that all boards rank ({joined([entry.name for entry in found.ranked])}), "


def _all(count: int) -> str:
    return "both boards" if count == 2 else f"all {count} boards"


def _every(sure: int, count: int) -> str:
    if sure == count:
        return "and its lead is supported on each"
    return f"but its lead is supported on {sure} of them" if sure else "but its lead is supported on none of them"


def _orders(found: Across, agreed: Agreement) -> str:
    """Write how far the orders of the entries agree."""
    entries = "1 entry" if agreed.entries == 1 else f"{agreed.entries:,} entries"
    on = on_networks(agreed.entries, agreed.networks)
    if agreed.networks < FEWEST:
        least = f"{FEWEST} {'networks ' if on else ''}on"
        return f"The boards rank {entries}{on} in common; whether their orders agree can be told from {least}."
    value, low, high = agreed.mean
    pairs = "" if len(found.boards) == 2 else " on average over the pairs of boards"
    if math.isnan(value) or math.isnan(low):
        return f"Whether the orders of the {entries} agree cannot be told: too few figures are defined."
    kept = (
        "so the order on one board says something of that on another"
        if low > 0
        else "so the order on one board is rather the reverse of that on another"
        if high < 0
        else "so it is not supported that the order on one board says anything of that on another"
    )
    return (
        f"The orders of the {entries}{on} that all boards rank have a rank correlation of {value:.2f} (95 % interval "
        f"over {'networks' if on else 'entries'} and patients {low:.2f} to {high:.2f}){pairs}, {kept}."
    )


def _caveat(found: Across, best: Mapping[str, Mapping[Approach, Row]]) -> tuple[str, ...]:
    """Write how far to trust the answer; nothing where there is nothing to say."""
    doubts = []
    simulated = [board.protocol.name for board in found.boards if board.protocol.dataset.simulated]
    if simulated:
        doubts.append(f"the images of {joined(simulated)} are simulated")
    if any(len(row.cards) == 1 for entry in found.ranked for row in entry.rows.values()):
        doubts.append("some entries were trained only once")
    elsewhere = {board.protocol.name for board in found.boards if board.protocol.targets}
    if any("adaptation" in each and len(each) > 1 and name in elsewhere for name, each in best.items()):
        doubts.append("only adaptation has seen unlabelled images of the other sites")
    if len(found.boards) < 3:
        doubts.append("two boards say little of a third")
    return (f"Keep in mind: {joined(doubts)}.",) if doubts else ()
