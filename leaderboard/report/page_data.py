"""What the page's script draws on demand: per condition, confusion, reliability, and replicates to compare with."""

from __future__ import annotations

import base64
import json

import numpy as np
from numpy.typing import NDArray

from ...benchmark.scoring.metrics import METRICS
from ..ranking.board import Board, Row

BUDGET = 6 << 20  # bytes of a board's details in the page; entries beyond it have theirs in scores.csv and scores.json
UNIT = 1000  # figures are whole thousandths


def details(board: Board) -> tuple[str, int]:
    """Returns the details of a board as JSON, and of how many entries: the best ranked ones that fit the budget.

    No `<` is in it, so that nothing in it can end the element that holds it.
    """
    aggregates = _compared(board)
    head = {
        "conditions": [
            {"key": condition.key, "kind": condition.kind, "family": condition.family}
            for condition in board.protocol.conditions()
        ],
        "aggregates": aggregates,
        "metrics": [
            {"title": METRICS[name].title, "higher": METRICS[name].higher_is_better}
            for name in (board.rows[0].conditions.metrics if board.rows else ())
        ],
        "classes": list(board.protocol.dataset.classes),
        "domains": [board.protocol.source, *board.protocol.targets],
    }
    written: dict[str, str] = {}
    left = BUDGET
    for row in board.best_first():
        text = json.dumps(_entry(row, aggregates), separators=(",", ":"))
        left -= len(text)
        if left < 0:
            break
        written[row.name] = text
    entries = ",".join(f"{json.dumps(row.name)}:{written[row.name]}" for row in board.rows if row.name in written)
    text = f'{json.dumps(head, separators=(",", ":"))[:-1]},"entries":{{{entries}}}}}'
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"), len(written)


def _compared(board: Board) -> list[str]:
    """Returns the aggregates that can be compared between entries; single shifts are among the conditions."""
    names = board.rows[0].aggregates.names if board.rows else ()
    kept = [name for name in names if not name.startswith("shift/") and name not in ("relative", "clean")]
    return sorted(kept, key=lambda name: "/" in name)


def _entry(row: Row, aggregates: list[str]) -> dict[str, object]:
    scored = row.scored
    kept = [row.aggregates.names.index(name) for name in aggregates]
    rows = [*range(len(scored.conditions)), *(len(scored.conditions) + index for index in kept)]
    return {
        "c": _whole(scored.conditions),
        "a": _whole(scored.aggregates[kept][:, :1]),
        "s": base64.b64encode(np.ascontiguousarray(scored.sketch[rows]).tobytes()).decode(),
        "n": int(scored.sketch.shape[1]),
        "b": np.round(scored.bounds[rows].astype(np.float64) * 1e5).astype(int).ravel().tolist(),
        "k": scored.confusion.tolist(),
        "r": np.round(scored.reliability, 1).tolist(),
        "t": _whole(scored.thresholds),
    }


def _whole(values: NDArray[np.float64]) -> list[int | None]:
    """Returns numbers in thousandths, one after the other; None where undefined."""
    flat = np.round(values.ravel() * UNIT)
    return [None if number != number else int(number) for number in flat.tolist()]
