"""What a table says in sentences, and what it does not support. What a reader wants to know first comes first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median

from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.scoring.metrics import METRICS
from ..ranking.board import Board, Row
from .approach import by_approach
from .correlation import Correlation

NAMED = 5  # entries that are named


def findings(board: Board, found: Correlation | None = None) -> list[str]:
    """Returns sentences, what the board was made to answer first, then who leads, and what to keep in mind.

    Args:
        board: The table.
        found: Its correlations, if there are any.
    """
    said = _approaches(board)
    if found is not None:
        said.append(f"Do synthesized shifts predict the real ones better than clean performance does? {found.answer}")
    leaders = [] if len(by_approach(board.rows)) > 1 else _leaders(board)
    return [*said, *_groups(board), *leaders, *_single(board)]


def _approaches(board: Board) -> list[str]:
    """Returns which of transfer, scratch and adaptation does best under shift, and by how much."""
    metric, by = METRICS[board.rank_by], board.ranked_figure
    higher = metric.higher_is_better
    kinds = by_approach(board.rows)
    if len(kinds) < 2:
        return []

    def figure(row: Row, name: str) -> float:
        return row.aggregates[name, board.rank_by].value

    best = {kind: (max if higher else min)(rows, key=lambda row: figure(row, by)) for kind, rows in kinds.items()}
    order = sorted(best, key=lambda kind: -figure(best[kind], by) if higher else figure(best[kind], by))
    under = "under shift" if by == "shifted" else "on clean images"
    told = [
        f"{kind} {best[kind].aggregates[by, board.rank_by].text} ({_of(best[kind], kinds[kind])})" for kind in order
    ]
    said = [
        f"ImageNet, scratch or adaptation? The best of each by {metric.title} {under}: {_joined(told)}."
        + (" Adaptation alone looks at unlabelled images of the target." if "adaptation" in kinds else "")
    ]
    gaps = []
    for place, kind in enumerate(order[:-1]):
        behind = [f"{other} by {_gap(board, best[kind], best[other])}" for other in order[place + 1 :]]
        gaps.append(f"{kind} leads {' and '.join(behind)}")
    said.append(f"{_sentence_case(_joined(gaps))}.")
    if any(len(rows) > 2 for rows in kinds.values()):
        middles = [f"{kind} {format_decimal(median(figure(row, by) for row in kinds[kind]))}" for kind in order]
        said.append(f"The best of many is best by luck, too; the median entries have: {_joined(middles)}.")
    if by == "shifted":
        clean = [f"{kind} {best[kind].aggregates['clean', board.rank_by].text}" for kind in order]
        said.append(f"On clean images the same entries have: {_joined(clean)}.")
    return said


def _leaders(board: Board) -> list[str]:
    """Returns how the best of those that see the same compare, where it is not known what approach they take."""
    title = METRICS[board.rank_by].title
    leaders = [rows[0] for rows in board.by_sees().values() if rows[0].rank is not None]
    said = []
    for one, other in combinations(leaders, 2):
        better, worse = (one, other) if board.pairs.interval(*_places(board, one, other))[0] >= 0 else (other, one)
        said.append(
            f"In {title}, {better.name} (sees {better.sees}) is better than {worse.name} (sees {worse.sees}) by "
            f"{_gap(board, better, worse)}."
        )
    return said


def _places(board: Board, one: Row, other: Row) -> tuple[int, int]:
    return board.rows.index(one), board.rows.index(other)


def _gap(board: Board, one: Row, other: Row) -> str:
    """Returns by how much one entry is better than another, and whether that is supported."""
    a, b = _places(board, one, other)
    value, low, high = board.pairs.interval(a, b)
    verdict = "supported" if board.pairs.supported[a, b] else "not supported"
    return f"{format_decimal(value)} [{format_decimal(low, 2)}, {format_decimal(high, 2)}] ({verdict})"


def _groups(board: Board) -> list[str]:
    """Returns who leads among methods that see the same."""
    said = []
    for sees, rows in board.by_sees().items():
        ranked = [row for row in rows if row.rank is not None]
        if not ranked:
            continue
        first = [row for row in ranked if row.tier == 1]
        if len(ranked) == 1:
            said.append(f"Only {first[0].name} sees {sees}: it has nobody to be ranked against.")
        elif len(first) == 1:
            said.append(
                f"Of methods that see {sees}, {first[0].name} leads; its lead over the next, {ranked[1].name}, is "
                "supported."
            )
        else:
            said.append(
                f"Of methods that see {sees}, {_names(first)} share the first tier: none is supported to be worse than "
                f"{first[0].name}{_gap_to_best(ranked[len(first) :])}."
            )
    return said


def _gap_to_best(rest: Sequence[Row]) -> str:
    if not rest:
        return ""
    more = f", and {len(rest) - 1} more rank below it" if len(rest) > 1 else ""
    return f"; {rest[0].name} is{more}"


def _single(board: Board) -> list[str]:
    """Returns which entries have one seed only, where others or all of them do."""
    alone = [row for row in board.rows if len(row.cards) == 1]
    if not alone:
        return []
    who = (
        "Every entry has"
        if len(alone) == len(board.rows)
        else f"{_names(alone)} {'has' if len(alone) == 1 else 'have'}"
    )
    return [
        f"{who} one seed, which shows nothing of the spread between seeds: intervals cover the drawing of groups only "
        "and are too narrow for another training run."
    ]


def _of(row: Row, rows: Sequence[Row]) -> str:
    return row.name if len(rows) == 1 else f"{row.name}, of {len(rows)} entries"


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]


def _joined(parts: Sequence[str]) -> str:
    return "; ".join(parts)


def _names(rows: Sequence[Row]) -> str:
    names = [row.name for row in rows[:NAMED]]
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return (", ".join(names) if more or len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}") + more
