"""The answer of a board in plain English: which approach leads under shift, and whether the intervals support it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...benchmark.contract.entry import Approach
from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.scoring.metrics import METRICS
from ..ranking.board import Board, Row
from .approach import all_by_approach, by_approach
from .convergence import convergence
from .headline import BestOfEach, approach_name, best_of_each, compared, only_claimed, seen_by_adaptation, under
from .wording import joined, level, names, sentence_case

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
    missing = {kind: rows for kind, rows in all_by_approach(board.rows).items() if kind not in found.best}
    line, verdict = _verdict(board, called, found)
    if missing:
        absent = joined([approach_name(kind, rows) for kind, rows in missing.items()])
        line = f"{absent} cannot be compared yet; of the others, {line}"
    elif board.claimed:
        line = f"of the verified entries, {line}"
    sentences = (_figures(board, called, found), verdict, _caveat(board, found, basis, missing))
    return Answer(sentence_case(line), sentences)


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
    claimed = only_claimed(board)
    more = (f"No entry of {joined(claimed, 'or')} has been run again.",) if claimed else ()
    if len(ranked) == 1:
        return Answer(f"{best.name} is {_only(board)} so far.", (figure, *more))
    kinds = by_approach(board.rows)
    first = [row for row in ranked if row is best or level(board, best, row)]
    line = f"{names(first)} {'has' if len(first) == 1 else 'share'} the best figure {under(board)}."
    only = f"all entries of a known approach are {next(iter(kinds))}" if kinds else "no entry is of a known approach"
    if board.claimed:
        line, only = f"Of the verified entries, {line}", f"among these, {only}"
    return Answer(line, (figure, f"{sentence_case(only)}, so none can be compared.", *more))


def _only(board: Board) -> str:
    """Call an entry what it is alone as: there may be others that are only claimed, or have no figure that ranks."""
    if sum(not row.claimed for row in board.rows) > 1:
        return "the only entry with a rank"
    return "the only verified entry" if board.claimed else "the only entry"


def _supported(board: Board, one: Row, other: Row) -> bool:
    return bool(board.pairs.supported[board.rows.index(one), board.rows.index(other)])


def _verdict(board: Board, called: Mapping[Approach, str], found: BestOfEach) -> tuple[str, str]:
    """Write the line and the sentence that say whether the lead over each other approach is supported, or is none.

    Of what was trained once, no interval knows how another training would have come out.
    """
    where = under(board)
    (kind, best), *others = found.best.items()
    first = called[kind]
    same = [called[other] for other, row in others if level(board, best, row)]
    sure = [called[other] for other, row in others if _supported(board, best, row)]
    unsure = [called[other] for other, _ in others if called[other] not in (*same, *sure)]
    once = any(len(row.cards) == 1 for row in found.best.values())
    larger = f"larger than the choice of patients{'' if once else ' and training runs'} explains"
    smaller = "with other patients or training runs, the order could be the other way round"
    if same:
        return _level(joined([first, *same]), first, where, sure, unsure)
    if not unsure:
        lead = f"Its lead over {joined(sure)} is supported: it is {larger}."
        return f"{first} leads {where}, and the lead is supported.", lead
    if not sure:
        lead = f"Its lead over {joined(unsure)} is not supported: {smaller}."
        return f"{first} is ahead {where}, but the lead is not supported.", lead
    return (
        f"{first} leads {where}; supported over {joined(sure)}, not over {joined(unsure)}.",
        f"Its lead over {joined(sure)} is supported, that is, {larger}; over {joined(unsure)} it is not: {smaller}.",
    )


def _level(same: str, first: str, where: str, sure: Sequence[str], unsure: Sequence[str]) -> tuple[str, str]:
    """Write the line and the sentence of approaches whose best entries do not differ, and of the lead over the rest."""
    behind = f"; {first} leads {joined(sure)}, and the lead is supported" if sure else ""
    behind += f"; {first} is ahead of {joined(unsure)}, but the lead is not supported" if unsure else ""
    return (
        f"{same} do not differ {where}{behind}.",
        f"To three digits, {same} have the same figure: with other patients or training runs, any could be ahead.",
    )


def _figures(board: Board, called: Mapping[Approach, str], found: BestOfEach) -> str:
    """Write the figure of the best entry of each approach."""
    (kind, best), *others = found.best.items()
    rest = [f"{format_decimal(board.figure(row).value)} for {called[other]} ({row.name})" for other, row in others]
    reached = f"{format_decimal(board.figure(best).value)} in {board.title} {under(board)}"
    if any(level(board, best, row) for _, row in others):
        return f"The best entry of {called[kind]}, {best.name}, reaches {reached}, beside {joined(rest)}."
    who = f"{sentence_case(called[kind])} comes first: its best entry, {best.name}"
    return f"{who}, reaches {reached}, against {joined(rest)}."


def _caveat(board: Board, found: BestOfEach, basis: Basis, missing: Mapping[Approach, Sequence[Row]]) -> str:
    """Write how far to trust the comparison."""
    doubts = [*_absent(missing)]
    if basis == "steps":
        doubts.append("the entries had equal steps, but are not shown to have trained long enough")
    if basis == "all":
        doubts.append("the entries are not shown to have trained long enough")
    once = [len(row.cards) == 1 for row in found.best.values()]
    if any(once):
        doubts.append("each was trained only once" if all(once) else "some were trained only once")
    seen = seen_by_adaptation(board, found)
    if seen:
        doubts.append(f"only adaptation has seen {seen}")
    if not board.protocol.targets:
        doubts.append("no real shift was tested")
    if board.protocol.dataset.simulated:
        doubts.append("the images are simulated")
    if not doubts:
        return "These entries are shown to have trained long enough."
    return f"Keep in mind: {joined(doubts, most=len(doubts))}."


def _absent(missing: Mapping[Approach, Sequence[Row]]) -> list[str]:
    """Write why approaches take no part."""
    reasons: dict[str, list[str]] = {}
    for kind, rows in missing.items():
        if any(row.rank is not None for row in rows):
            why = "is shown to have trained long enough"
        else:
            why = "has been run again" if all(row.claimed for row in rows) else "has a rank"
        reasons.setdefault(why, []).append(approach_name(kind, rows))
    return [f"no entry of {joined(kinds, 'or')} {why}" for why, kinds in reasons.items()]
