"""Data that the page's script draws on demand: conditions, confusion, reliability, and replicates for comparisons."""

from __future__ import annotations

import base64
import json

import numpy as np
from numpy.typing import NDArray

from ...benchmark.protocols.condition import Condition
from ...benchmark.protocols.protocol import Protocol
from ...benchmark.scoring.metrics import METRICS, metric_title
from ..ranking.board import Board, Row
from ..ranking.source_models import model_sets
from .charts import steps

BUDGET = 6 << 20  # bytes of details per board; those of further entries are in scores.csv and scores.json only
UNIT = 1000  # figures are in thousandths
DIGITS = 2  # of a thousandth, so that a difference of two is right to the last digit that is shown


def details(board: Board) -> tuple[str, int]:
    """Write the details of the best entries that fit the budget as JSON; return it and their number.

    It contains no `<`, so that nothing in it can end the element that holds it.
    """
    aggregates = _compared(board)
    head = {
        "conditions": _conditions(board.protocol),
        "aggregates": aggregates,
        "metrics": [
            {"title": metric_title(name, board.protocol.positive), "higher": METRICS[name].higher_is_better}
            for name in (board.rows[0].conditions.metrics if board.rows else ())
        ],
        "classes": list(board.protocol.dataset.classes),
        "domains": [board.protocol.source, *board.protocol.targets],
    }
    written: dict[str, str] = {}
    left, models = BUDGET, model_sets(board.rows)
    for row in board.best_first():
        text = json.dumps(_entry(row, aggregates) | {"m": models[row.name]}, separators=(",", ":"))
        left -= len(text)
        if left < 0:
            break
        written[row.name] = text
    entries = ",".join(f"{json.dumps(row.name)}:{written[row.name]}" for row in board.rows if row.name in written)
    text = f'{json.dumps(head, separators=(",", ":"))[:-1]},"entries":{{{entries}}}}}'
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"), len(written)


def _conditions(protocol: Protocol) -> list[dict[str, object]]:
    """List the conditions, those of shifts with the step of their severity."""
    every = protocol.conditions()
    of_shift: dict[str, list[Condition]] = {}
    for condition in every:
        of_shift.setdefault(condition.shift, []).append(condition)
    placed = {
        condition.key: step
        for shift, members in of_shift.items()
        if shift
        for condition, step in zip(members, steps([each.severity for each in members], protocol), strict=True)
    }
    found = []
    for condition in every:
        item: dict[str, object] = {"key": condition.key, "kind": condition.kind, "family": condition.family}
        found.append(item | ({"shift": condition.shift, "step": placed[condition.key]} if condition.shift else {}))
    return found


def _compared(board: Board) -> list[str]:
    """List the aggregates that the page compares; single shifts are covered by their conditions."""
    names = board.rows[0].aggregates.names if board.rows else ()
    kept = [name for name in names if not name.startswith("shift/") and name not in ("relative", "clean")]
    return sorted(kept, key=lambda name: "/" in name)


def _entry(row: Row, aggregates: list[str]) -> dict[str, object]:
    scored = row.scored
    kept = [row.aggregates.names.index(name) for name in aggregates]
    rows = [*range(len(scored.conditions)), *(len(scored.conditions) + index for index in kept)]
    return {
        "c": _thousandths(scored.conditions),
        "a": _thousandths(scored.aggregates[kept][:, :1]),
        "s": base64.b64encode(np.ascontiguousarray(scored.quantised[rows]).tobytes()).decode(),
        "n": int(scored.quantised.shape[1]),
        "b": np.round(scored.bounds[rows].astype(np.float64) * 1e5).astype(int).ravel().tolist(),
        "k": scored.confusion.tolist(),
        "r": np.round(scored.reliability, 1).tolist(),
        "t": _thousandths(scored.thresholds),
    }


def _thousandths(values: NDArray[np.float64]) -> list[float | None]:
    """Flatten numbers to thousandths; None where undefined."""
    flat = np.round(values.ravel() * UNIT, DIGITS)
    return [None if number != number else int(number) if number.is_integer() else number for number in flat.tolist()]
