"""Findings of a board as sentences, with what the data do not support; the most important come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import median

from ...benchmark.contract.entry import Approach
from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.scoring.metrics import METRICS
from ..ranking.board import Board, Row
from .approach import by_approach, other_weights
from .correlation import Correlation
from .devices import device_caveat

NAMED = 5  # entries that are named


def findings(board: Board, found: Correlation | None = None) -> list[str]:
    """Write the findings: whether nothing real was tested, the main questions, then the leaders, then caveats.

    Args:
        board: Ranked table.
        found: Its rank correlations, if any.
    """
    sentences = [] if board.protocol.targets else ["One domain: no real shift was tested."]
    sentences += _approaches(board)
    if found is not None:
        sentences.append(
            f"Do synthesized shifts predict the real ones better than clean performance does? {found.answer}"
        )
    leaders = [] if len(by_approach(board.rows)) > 1 else _leaders(board)
    return [*sentences, *_first_tiers(board), *leaders, *device_caveat(board), *_single_seeds(board)]


def _approaches(board: Board) -> list[str]:
    """Compare the best entries of transfer, scratch and adaptation."""
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
    names = {kind: _name(kind, rows) for kind, rows in kinds.items()}
    figures = [
        f"{names[kind]} {best[kind].aggregates[by, board.rank_by].text} ({_best_of(best[kind], kinds[kind])})"
        for kind in order
    ]
    sentences = [
        f"{_question(names)} The best of each by {board.title} {under}: {_joined(figures)}."
        + (" Only adaptation sees unlabelled images of the target." if "adaptation" in kinds else "")
    ]
    gaps = []
    for place, kind in enumerate(order[:-1]):
        behind = [f"{names[other]} by {_gap(board, best[kind], best[other])}" for other in order[place + 1 :]]
        gaps.append(f"{names[kind]} leads {' and '.join(behind)}")
    sentences.append(f"{_sentence_case(_joined(gaps))}.")
    if any(len(rows) > 2 for rows in kinds.values()):
        medians = [f"{names[kind]} {format_decimal(median(figure(row, by) for row in kinds[kind]))}" for kind in order]
        sentences.append(f"The best of many entries is partly best by luck; the medians are: {_joined(medians)}.")
    if by == "shifted":
        clean = [f"{names[kind]} {best[kind].aggregates['clean', board.rank_by].text}" for kind in order]
        sentences.append(f"On clean images, the best entries named above score: {_joined(clean)}.")
    return sentences


def _leaders(board: Board) -> list[str]:
    """Compare the best entries of each access level, where their approaches are not known."""
    title = board.title
    leaders = [rows[0] for rows in board.by_sees().values() if rows[0].rank is not None]
    sentences = []
    for one, other in combinations(leaders, 2):
        better, worse = (one, other) if board.pairs.interval(*_indices(board, one, other))[0] >= 0 else (other, one)
        sentences.append(
            f"In {title}, {better.name} (sees {better.sees}) is better than {worse.name} (sees {worse.sees}) by "
            f"{_gap(board, better, worse)}."
        )
    return sentences


def _indices(board: Board, one: Row, other: Row) -> tuple[int, int]:
    return board.rows.index(one), board.rows.index(other)


def _gap(board: Board, one: Row, other: Row) -> str:
    """Format the difference of two entries, its interval and whether it is supported."""
    a, b = _indices(board, one, other)
    value, low, high = board.pairs.interval(a, b)
    verdict = "supported" if board.pairs.supported[a, b] else "not supported"
    return f"{format_decimal(value)} [{format_decimal(low, 2)}, {format_decimal(high, 2)}] ({verdict})"


def _first_tiers(board: Board) -> list[str]:
    """Name the first tier of each access level."""
    sentences = []
    for sees, rows in board.by_sees().items():
        ranked = [row for row in rows if row.rank is not None]
        if not ranked:
            continue
        first = [row for row in ranked if row.tier == 1]
        if len(ranked) == 1:
            sentences.append(
                f"{first[0].name} is the only method that sees {sees}, so there is none to rank it against."
            )
        elif len(first) == 1:
            sentences.append(
                f"Among methods that see {sees}, {first[0].name} leads; its lead over the next, {ranked[1].name}, is "
                "supported."
            )
        else:
            sentences.append(
                f"Among methods that see {sees}, {_names(first)} share the first tier: none is significantly worse "
                f"than {first[0].name}{_next_tier(ranked[len(first) :])}."
            )
    return sentences


def _next_tier(rest: Sequence[Row]) -> str:
    if not rest:
        return ""
    below = len(rest) - 1
    more = f", and {below} more {'ranks' if below == 1 else 'rank'} below it" if below else ""
    return f"; {rest[0].name} is{more}"


def _single_seeds(board: Board) -> list[str]:
    """Name the entries with a single seed."""
    alone = [row for row in board.rows if len(row.cards) == 1]
    if not alone:
        return []
    who = (
        "Every entry has"
        if len(alone) == len(board.rows)
        else f"{_names(alone)} {'has' if len(alone) == 1 else 'have'}"
    )
    return [
        f"{who} one seed, so the variation between seeds is unknown: intervals cover the sampling of groups only and "
        "are too narrow for another training run."
    ]


def _name(kind: Approach, rows: Sequence[Row]) -> str:
    """Name an approach; weights of another data set are not called ImageNet's."""
    if kind != "ImageNet transfer" or not any(map(other_weights, rows)):
        return kind
    return "transfer"


def _question(names: Mapping[Approach, str]) -> str:
    first = "Transfer" if "transfer" in names.values() else "ImageNet"
    return f"{first}, scratch or adaptation?"


def _best_of(row: Row, rows: Sequence[Row]) -> str:
    weights = f", weights {other_weights(row)}" if other_weights(row) else ""
    return f"{row.name}{weights}" if len(rows) == 1 else f"{row.name}{weights}, best of {len(rows)} entries"


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]


def _joined(parts: Sequence[str]) -> str:
    return "; ".join(parts)


def _names(rows: Sequence[Row]) -> str:
    names = [row.name for row in rows[:NAMED]]
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return (", ".join(names) if more or len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}") + more
