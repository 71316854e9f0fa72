"""The headline: ImageNet, scratch or adaptation? Compared at equal convergence, and once more at equal steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ...benchmark.contract.entry import Approach
from ...benchmark.reporting.numbers import format_decimal, format_signed
from ...benchmark.scoring.metrics import METRICS
from ..ranking.board import Board, Row
from .approach import all_by_approach, by_approach, other_weights
from .convergence import Convergence, convergence, method, schedule
from .wording import difference, gap, joined, level, names, sentence_case

LONGER = "medshift run --baseline NAME --budget long"  # what shows that an entry of the standard budget converged


@dataclass(frozen=True)
class BestOfEach:
    """The best entry of each approach.

    Args:
        rows: The entries of each approach.
        best: The best of each, the best approach first.
    """

    rows: Mapping[Approach, Sequence[Row]]
    best: Mapping[Approach, Row]


def headline(board: Board) -> list[str]:
    """Compare the best entries of transfer, scratch and adaptation, as sentences; none for fewer than two of these.

    At equal convergence, entries that are not shown to have converged take no part, and of entries that differ only in
    the length of training, one does; at equal steps, those of the most frequent length do. Where the same entries are
    the best both times, it is said once.
    """
    every = by_approach(board.rows)
    if len(every) < 2:
        return []
    states = convergence(board)
    called = {kind: approach_name(kind, rows) for kind, rows in every.items()}
    converged = _converged(every, states)
    first, second, steps = compared(board, every, states)
    question, equal_steps = _question(called), f"at equal steps ({steps:,} each)"
    agree = first is not None and second is not None and first.best == second.best
    if first is None:
        sentences = [f"{question} {_cannot_be_answered(board, called, every, converged)}"]
    else:
        lead = f"Both at equal convergence and {equal_steps}" if agree else "At equal convergence"
        sentences = _told(board, called, first, f"{question} {lead}")
        sentences += _not_compared(board, called, every, converged)
    if not agree:
        sentences += _once_more(board, called, first, second, sentence_case(equal_steps))
    basis = first or second
    context = _context(board, called, basis) if basis else []
    return [*sentences, *_only_claimed(board), *_left_out(every, states), *context]


def compared(
    board: Board, every: Mapping[Approach, Sequence[Row]], states: Mapping[str, Convergence]
) -> tuple[BestOfEach | None, BestOfEach | None, int]:
    """Compare at equal convergence and at equal steps, each None for fewer than two approaches; and return the steps.

    Args:
        board: Ranked table.
        every: Its ranked entries by approach.
        states: Whether the training of each had converged.
    """
    steps, second = _at_equal_steps(board, every)
    return best_of_each(board, _one_length_each(_converged(every, states), steps)), second, steps


def best_of_each(board: Board, rows: Sequence[Row]) -> BestOfEach | None:
    """Find the best of each approach among some entries; None for fewer than two approaches."""
    kinds, higher = by_approach(rows), METRICS[board.rank_by].higher_is_better
    if len(kinds) < 2:
        return None
    best = {
        kind: (max if higher else min)(members, key=lambda row: board.figure(row).value)
        for kind, members in kinds.items()
    }
    order = sorted(best, key=lambda kind: -board.figure(best[kind]).value if higher else board.figure(best[kind]).value)
    return BestOfEach(kinds, {kind: best[kind] for kind in order})


def _converged(every: Mapping[Approach, Sequence[Row]], states: Mapping[str, Convergence]) -> list[Row]:
    return [row for rows in every.values() for row in rows if states[row.name].state == "converged"]


def _one_length_each(rows: Sequence[Row], steps: int) -> list[Row]:
    """Keep one of the entries that differ only in the length of training: that of equal steps, or else the shortest.

    The others are there to show that it converged, and would make the best of an approach the best of more draws.
    """
    kept: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (schedule(row) != steps, schedule(row) or 0, row.name)):
        kept.setdefault(method(row), row)
    return [row for row in rows if row in kept.values()]


def _at_equal_steps(board: Board, every: Mapping[Approach, Sequence[Row]]) -> tuple[int, BestOfEach | None]:
    """Find the length that most entries have, among those that two approaches share, and the best at this length.

    Test-time methods have the length of the model that they stand on; what is solved, not trained, has none.
    """
    lengths = {row: schedule(row) for rows in every.values() for row in rows}
    approaches: dict[int, list[Approach]] = {}
    for kind, rows in every.items():
        for length in filter(None, (lengths[row] for row in rows)):
            approaches.setdefault(length, []).append(kind)
    shared = {length: len(kinds) for length, kinds in approaches.items() if len(set(kinds)) > 1}
    if not shared:
        return 0, None
    steps = max(shared, key=lambda length: (shared[length], -length))
    return steps, best_of_each(board, [row for row, length in lengths.items() if length == steps])


def _told(board: Board, called: Mapping[Approach, str], found: BestOfEach, lead: str) -> list[str]:
    """Write the best of each approach, and by how much each leads."""
    figures = _listed(board, called, found)
    seen = seen_by_adaptation(board, found)
    only = f" Only adaptation sees {seen}." if seen else ""
    return [f"{lead}, the best of each by {board.title} {under(board)}: {figures}.{only}", _gaps(board, called, found)]


def _once_more(
    board: Board, called: Mapping[Approach, str], first: BestOfEach | None, second: BestOfEach | None, lead: str
) -> list[str]:
    """Write the comparison at equal steps, which follows that at equal convergence or the reason why there is none."""
    if second is None:
        return ["At equal steps there is nothing to compare: no two approaches have entries of the same length."]
    if first is None:
        return _told(board, called, second, f"{lead}, which tells nothing of longer training")
    order = ""
    if set(first.best) == set(second.best):
        order = ", the order is the same" if [*first.best] == [*second.best] else ", the order is another"
    return [f"{lead}{order}: {_listed(board, called, second)}. {_gaps(board, called, second)}"]


def _missing(
    board: Board, called: Mapping[Approach, str], every: Mapping[Approach, Sequence[Row]], converged: Sequence[Row]
) -> tuple[list[str], str]:
    """Name the approaches without a converged entry, and write what run would show of their best that it converged."""
    better = max if METRICS[board.rank_by].higher_is_better else min
    missing = {kind: rows for kind, rows in every.items() if kind not in by_approach(converged)}
    ours = [[row for row in rows if not row.cards[0].baseline.external] for rows in missing.values()]
    best = [better(rows, key=lambda row: board.figure(row).value).cards[0].baseline.name for rows in ours if rows]
    example = f", NAME being {joined(best, 'or')}, for example" if best else ""
    how = f"An entry of the standard budget is shown to have converged by one of twice its steps: {LONGER}{example}."
    return [called[kind] for kind in missing], how


def _cannot_be_answered(
    board: Board, called: Mapping[Approach, str], every: Mapping[Approach, Sequence[Row]], converged: Sequence[Row]
) -> str:
    """Say that fewer than two approaches have converged entries, and what run would show it."""
    kinds = by_approach(converged)
    only = "no entry is shown to have converged"
    if kinds:
        (kind,) = kinds
        only = f"only {called[kind]} has entries that are shown to have converged ({names(kinds[kind])})"
    _, how = _missing(board, called, every, converged)
    return f"At equal convergence this cannot be answered yet: {only}. {how}"


def _not_compared(
    board: Board, called: Mapping[Approach, str], every: Mapping[Approach, Sequence[Row]], converged: Sequence[Row]
) -> list[str]:
    """Name an approach that takes no part at equal convergence, where the others do."""
    missing, how = _missing(board, called, every, converged)
    who = sentence_case(joined(missing)) if missing else ""
    return [f"{who} has no entry that is shown to have converged. {how}"] if missing else []


def _only_claimed(board: Board) -> list[str]:
    """Name the approaches of which every entry is claimed, so that none of it is compared."""
    kinds = only_claimed(board)
    return [f"No entry of {joined(kinds, 'or')} has been run again, so none is compared."] if kinds else []


def _left_out(every: Mapping[Approach, Sequence[Row]], states: Mapping[str, Convergence]) -> list[str]:
    """Name the entries that take no part at equal convergence, by reason."""
    moved: list[str] = []
    unshown: dict[str, list[Row]] = {}
    for row in sorted((row for rows in every.values() for row in rows), key=lambda row: row.name):
        state = states[row.name]
        if state.state == "not converged":
            moved.append(f"{row.name} (by {format_signed(state.moved)})")
        elif state.state == "not shown":
            unshown.setdefault(state.reason, []).append(row)
    sentences = []
    if moved:
        sentences.append(
            f"Left out at equal convergence, because more steps still move them on source validation: {joined(moved)}."
        )
    if unshown:
        parts = [f"{names(rows)} ({reason})" for reason, rows in sorted(unshown.items())]
        sentences.append(f"Left out at equal convergence, because it is not shown: {'; '.join(parts)}.")
    return sentences


def _context(board: Board, called: Mapping[Approach, str], found: BestOfEach) -> list[str]:
    """Write what qualifies the best: the medians of many entries, and the figures on clean images."""
    sentences = []
    if any(len(rows) > 2 for rows in found.rows.values()):
        medians = [
            f"{called[kind]} {format_decimal(median(board.figure(row).value for row in found.rows[kind]))}"
            for kind in found.best
        ]
        sentences.append(f"The best of many entries is partly best by luck; the medians are: {'; '.join(medians)}.")
    if board.ranked_figure == "shifted":
        clean = [f"{called[kind]} {row.aggregates['clean', board.rank_by].text}" for kind, row in found.best.items()]
        sentences.append(f"On clean images, the best entries named first score: {'; '.join(clean)}.")
    return sentences


def under(board: Board) -> str:
    """Say where the ranking figure is measured."""
    return "under shift" if board.ranked_figure == "shifted" else "on clean images"


def _listed(board: Board, called: Mapping[Approach, str], found: BestOfEach) -> str:
    """List the best of each approach with its figure."""
    parts = []
    for kind, row in found.best.items():
        weights = f", weights {other_weights(row)}" if other_weights(row) else ""
        count = len(found.rows[kind])
        of = f", best of {count} entries" if count > 1 else ""
        figure = board.figure(row).text
        parts.append(f"{called[kind]} {figure} ({row.name}{weights}{of})")
    return "; ".join(parts)


def _gaps(board: Board, called: Mapping[Approach, str], found: BestOfEach) -> str:
    """Write by how much the best of each approach leads those of the approaches after it, if it does."""
    order = [*found.best.items()]
    parts = []
    for place, (kind, row) in enumerate(order[:-1]):
        after = order[place + 1 :]
        behind = [f"{called[other]} by {gap(board, row, best)}" for other, best in after if not level(board, row, best)]
        parts += [f"{called[kind]} leads {' and '.join(behind)}"] if behind else []
        parts += [
            f"{called[kind]} and {called[other]} do not differ, {difference(board, row, best)}"
            for other, best in after
            if level(board, row, best)
        ]
    return f"{sentence_case('; '.join(parts))}."


def only_claimed(board: Board) -> list[str]:
    """Name the approaches of which every entry is claimed."""
    every = all_by_approach(board.rows).items()
    return [approach_name(kind, rows) for kind, rows in every if all(row.claimed for row in rows)]


def seen_by_adaptation(board: Board, found: BestOfEach) -> str:
    """Say what adaptation alone has seen of the test, where it is compared; empty if that is nothing."""
    if "adaptation" not in found.best:
        return ""
    if board.protocol.targets:
        return "unlabelled images of the other sites"
    return "the test images, without labels" if found.best["adaptation"].sees == "test-batches" else ""


def approach_name(kind: Approach, rows: Sequence[Row]) -> str:
    """Name an approach; weights of another data set are not called ImageNet's."""
    if kind != "ImageNet transfer" or not any(map(other_weights, rows)):
        return kind
    return "transfer"


def _question(called: Mapping[Approach, str]) -> str:
    first = "Transfer" if "transfer" in called.values() else "ImageNet"
    return f"{first}, scratch or adaptation?"
