"""The answer of a board in plain English: which approach leads under shift, and whether the intervals support it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...benchmark.contract.entry import Approach
from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.scoring.metrics import METRICS
from ..ranking.board import Board, Row
from .approach import by_approach
from .convergence import convergence
from .headline import BestOfEach, approach_name, best_of_each, compared, under
from .wording import joined, sentence_case

Basis: TypeAlias = Literal["convergence", "steps", "all"]

HOW_TO_ENTER = (
    "No finished submissions yet. The first one: `medshift run --baseline NAME --protocol FOLDER --seeds 3` with this "
    "board's folder, then `medshift submit`."
)


@dataclass(frozen=True)
class Answer:
    """What a reader takes away.

    Args:
        line: In one line.
        sentences: At most three, which say the same with figures, and how far to trust it.
    """

    line: str
    sentences: tuple[str, ...]


def answer(board: Board) -> Answer:
    """Say which approach leads under shift, by its best entry, and whether that is supported.

    Entries that are shown to have converged are compared if two approaches have them; otherwise those of equal steps;
    otherwise all, with the caveat.
    """
    ranked = [row for row in board.rows if row.rank is not None]
    if not board.rows:
        return Answer(HOW_TO_ENTER, ())
    if not ranked:
        why = ": none has been run again" if board.claimed else ""
        return Answer(f"No entry can be ranked yet{why}.", ())
    found, basis = compared_entries(board)
    if found is None:
        return _alone(board, ranked)
    called = {kind: approach_name(kind, rows) for kind, rows in found.rows.items()}
    (kind, best), *others = found.best.items()
    leads = {other: _supported(board, best, row) for other, row in others}
    missing = [other for other in by_approach(board.rows) if other not in found.best]
    who = sentence_case(called[kind])
    if missing:
        who = f"{sentence_case(joined(missing))} cannot be compared yet; of the others, {called[kind]}"
    line, verdict = _verdict(board, called, who, leads, once=any(len(row.cards) == 1 for row in found.best.values()))
    return Answer(line, (_figures(board, called, found), verdict, _caveat(board, found, basis, missing)))


def compared_entries(board: Board) -> tuple[BestOfEach | None, Basis]:
    """Choose the entries to compare, as the headline does; all of them where neither of its comparisons is possible."""
    every = by_approach(board.rows)
    if len(every) < 2:
        return None, "all"
    first, second, _ = compared(board, every, convergence(board))
    if first is not None:
        return first, "convergence"
    if second is not None:
        return second, "steps"
    return best_of_each(board, [row for rows in every.values() for row in rows]), "all"


def _alone(board: Board, ranked: Sequence[Row]) -> Answer:
    """Name the best entry where there are no two approaches to compare."""
    higher = METRICS[board.rank_by].higher_is_better
    best = (max if higher else min)(ranked, key=lambda row: board.figure(row).value)
    figure = f"{best.name} reaches {format_decimal(board.figure(best).value)} in {board.title} {under(board)}."
    if len(ranked) == 1:
        return Answer(f"{best.name} is the only entry so far.", (figure,))
    kinds = by_approach(board.rows)
    only = f"All entries of a known approach are {next(iter(kinds))}" if kinds else "No entry is of a known approach"
    return Answer(f"{best.name} has the best figure {under(board)}.", (figure, f"{only}, so none can be compared."))


def _supported(board: Board, one: Row, other: Row) -> bool:
    return bool(board.pairs.supported[board.rows.index(one), board.rows.index(other)])


def _verdict(
    board: Board, called: Mapping[Approach, str], who: str, leads: Mapping[Approach, bool], *, once: bool
) -> tuple[str, str]:
    """Write the line and the sentence that say whether the lead over each other approach is supported.

    Of what was trained `once`, no interval knows how another training would have come out.
    """
    where = under(board)
    sure = [called[other] for other, supported in leads.items() if supported]
    unsure = [called[other] for other, supported in leads.items() if not supported]
    larger = f"larger than the choice of patients{'' if once else ' and training runs'} explains"
    smaller = "with other patients or training runs, the order could be the other way round"
    if not unsure:
        lead = f"Its lead over {joined(sure)} is supported: it is {larger}."
        return f"{who} leads {where}, and the lead is supported.", lead
    if not sure:
        lead = f"Its lead over {joined(unsure)} is not supported: {smaller}."
        return f"{who} is ahead {where}, but the lead is not supported.", lead
    return (
        f"{who} leads {where}; supported over {joined(sure)}, not over {joined(unsure)}.",
        f"Its lead over {joined(sure)} is supported, that is, {larger}; over {joined(unsure)} it is not: {smaller}.",
    )


def _figures(board: Board, called: Mapping[Approach, str], found: BestOfEach) -> str:
    """Write the figure of the best entry of each approach."""
    (kind, best), *others = found.best.items()
    rest = [f"{format_decimal(board.figure(row).value)} for {called[other]} ({row.name})" for other, row in others]
    value = format_decimal(board.figure(best).value)
    return (
        f"{sentence_case(called[kind])} comes first: its best entry, {best.name}, reaches {value} in {board.title} "
        f"{under(board)}, against {joined(rest)}."
    )


def _caveat(board: Board, found: BestOfEach, basis: Basis, missing: Sequence[Approach]) -> str:
    """Write how far to trust the comparison."""
    doubts = []
    if missing:
        doubts.append(f"no entry of {joined(missing, 'or')} is shown to have trained long enough")
    if basis == "steps":
        doubts.append("the entries had equal steps, but are not shown to have trained long enough")
    if basis == "all":
        doubts.append("the entries are not shown to have trained long enough")
    once = [len(row.cards) == 1 for row in found.best.values()]
    if any(once):
        doubts.append("each was trained only once" if all(once) else "some were trained only once")
    if "adaptation" in found.best and len(found.best) > 1:
        doubts.append("only adaptation has seen unlabelled images of the other sites")
    if not board.protocol.targets:
        doubts.append("no real shift was tested")
    if board.protocol.dataset.simulated:
        doubts.append("the images are simulated")
    if not doubts:
        return "These entries are shown to have trained long enough."
    return f"Keep in mind: {joined(doubts)}."
