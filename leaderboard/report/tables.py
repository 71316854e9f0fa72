"""`scores.csv` and `scores.json`: every figure of a leaderboard."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...benchmark.files.text import csv_cells
from ...benchmark.scoring.bootstrap import split_key
from ...benchmark.submissions.learning_speed import StepsTo
from ..analysis.accuracy_line import Line
from ..analysis.approach import approach_title
from ..analysis.convergence import Convergence, convergence
from ..analysis.correlation import Correlation
from ..entries.figures import Figures
from ..ranking.board import Board, Row
from .estimators import estimators_json, json_number
from .loss_curves import speeds

SCHEMA = "medshift-scores/1"
COLUMNS = (
    "protocol", "rank", "rank_low", "rank_high", "tier", "entry", "sees", "seeds", "verified", "steps", "convergence",
    "kind", "name", "metric", "value", "low", "high", "samples", "groups",
)  # fmt: skip


def csv_text(boards: Sequence[Board]) -> Iterator[str]:
    """Yield all aggregates and conditions of all entries as CSV, many lines at once; undefined figures are empty."""
    yield ",".join(COLUMNS) + "\n"
    for board in boards:
        tested = np.array([board.sizes[split_key(condition)] for condition in board.protocol.conditions()])
        states = convergence(board)
        for row in board.rows:
            state = states[row.name]
            start = _cells(
                [board.protocol.name, row.rank or "", *_ranks(row), row.tier or "", row.name, row.sees, len(row.cards),
                 int(row.verified), state.steps or "", state.state]
            )  # fmt: skip
            yield _block(f"{start},aggregate", row.aggregates, row.scored.sizes)
            sizes = np.repeat(tested[:, None], len(row.conditions.metrics), axis=1)
            yield _block(f"{start},condition", row.conditions, sizes)


def _block(start: str, figures: Figures, sizes: NDArray[np.int64]) -> str:
    """Write the lines of one entry's aggregates or conditions, all at once: a leaderboard may have a million."""
    made = []
    places = _places(tuple(figures.names), tuple(figures.metrics))
    numbers, counts = figures.values.reshape(-1, 3).tolist(), sizes.reshape(-1, 2).tolist()
    for place, (value, low, high), (samples, groups) in zip(places, numbers, counts, strict=True):
        if value == value and low == low and high == high:
            made.append(f"{start},{place},{value:.6f},{low:.6f},{high:.6f},{samples},{groups}\n")
        else:
            shown = ",".join("" if x != x else f"{x:.6f}" for x in (value, low, high))
            made.append(f"{start},{place},{shown},{samples},{groups}\n")
    return "".join(made)


@lru_cache(maxsize=8)  # the same two for all entries of a protocol
def _places(names: tuple[str, ...], metrics: tuple[str, ...]) -> list[str]:
    return [_cells([name, metric]) for name in names for metric in metrics]


def _cells(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(csv_cells(values))
    return text.getvalue()


def _ranks(row: Row) -> tuple[object, object]:
    return row.ranks if row.rank else ("", "")


def to_json(
    boards: Sequence[Board], correlations: Sequence[Correlation | None], fitted: Sequence[Sequence[Line]]
) -> Iterator[str]:
    """Yield everything that the page shows as JSON, one line per entry; undefined figures are null.

    Figures are nested lists by name (in the order of `aggregates` and `conditions`), then metric, of value, low, high.
    """
    yield f'{{"schema": "{SCHEMA}", "protocols": ['
    for number, (board, found, line) in enumerate(zip(boards, correlations, fitted, strict=True)):
        names = board.rows[0].aggregates.names if board.rows else []
        head = {
            "name": board.protocol.name,
            "sha256": board.protocol.sha256,
            "simulated": board.protocol.dataset.simulated,
            "classes": list(board.protocol.dataset.classes),
            "positive": board.protocol.positive or None,
            "metrics": list(board.rows[0].aggregates.metrics) if board.rows else list(board.protocol.metrics),
            "aggregates": list(names),
            "conditions": [condition.key for condition in board.protocol.conditions()],
            "lines": [_line(one) for one in line],
            "correlation": found and _correlation(found),
            "estimators": estimators_json(board),
            "remarks": [asdict(remark) for remark in board.remarks],
        }
        yield ("\n" if not number else ",\n") + json.dumps(head, ensure_ascii=False)[:-1] + ', "entries": ['
        states = convergence(board)
        for position, row in enumerate(board.rows):
            yield ("\n" if not position else ",\n") + json.dumps(
                _entry(row, states[row.name], speeds(row, board)), ensure_ascii=False
            )
        yield "\n]}"
    yield "\n]}\n"


def _entry(row: Row, state: Convergence, speed: Mapping[float, StepsTo]) -> dict[str, object]:
    return {
        "entry": row.name,
        "sees": row.sees,
        "approach": approach_title(row) or None,
        "weights": _weights(row),
        "rank": row.rank,
        "ranks": list(row.ranks) if row.rank else None,
        "tier": row.tier or None,
        "behind_best": [json_number(x) for x in row.gap_to_best],
        "behind_is_supported": row.supported,
        "seeds": [card.seed for card in row.cards],
        "verified": [mark.result if mark else None for mark in row.marks],
        "claimed": row.claimed,
        "process": [card.process for card in row.cards],
        "training": {
            "steps": state.steps,
            "convergence": state.state,
            "why": state.why,
            "moved": json_number(state.moved),
            "within": json_number(state.within),
            "compared_with": state.against or None,
            "run": [card.training and card.training.run for card in row.cards],
            "kept": [card.training and card.training.kept for card in row.cards],
            "steps_to": {
                f"{share:g}": [json_number(each) for each in (found.value, found.low, found.high)]
                for share, found in speed.items()
            },
            "steps_at_most": [f"{share:g}" for share, found in speed.items() if found.at_most],
        },
        "predictions_sha256": [card.predictions.sha256 for card in row.cards],
        "thresholds": _nested(row.scored.thresholds),
        "aggregates": _nested(row.aggregates.values),
        "conditions": _nested(row.conditions.values),
    }


def _weights(row: Row) -> dict[str, str] | None:
    found = row.cards[0].weights
    return None if found is None else found.model_dump()


def _line(line: Line) -> dict[str, object]:
    return {
        "shifted": line.title,
        "entries": line.entries,
        "logit_slope": json_number(line.slope),
        "logit_intercept": json_number(line.intercept),
        "r_squared": json_number(line.explained),
        "residuals": {name: json_number(value) for name, value in line.residuals.items()},
    }


def _correlation(found: Correlation) -> dict[str, object]:
    return {
        "entries": found.entries,
        "networks": found.networks,
        "sites": list(found.sites),
        "sentence": found.sentence,
        "predictors": {
            row.name: {
                "spearman": [json_number(cell.spearman) for cell in row.cells],
                "spearman_low": [json_number(cell.low) for cell in row.cells],
                "spearman_high": [json_number(cell.high) for cell in row.cells],
                "kendall": [json_number(cell.kendall) for cell in row.cells],
                "beats_clean": row.beats,
                "fails_clean": row.fails,
            }
            for row in found.rows
        },
    }


def _nested(values: NDArray[np.float64]) -> object:
    rounded = np.round(values, 6)
    if not np.isnan(rounded).any():
        return rounded.tolist()
    filled = rounded.astype(object)
    filled[np.isnan(rounded)] = None
    return filled.tolist()
