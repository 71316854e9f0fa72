"""`scores.csv`: every figure of a leaderboard, one a row."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence

from .board import Board, Figure, Row, figure

COLUMNS = (
    "protocol", "rank", "entry", "sees", "seeds", "kind", "name", "metric", "value", "low", "high", "samples", "groups",
)  # fmt: skip


def to_csv(boards: Sequence[Board]) -> str:
    """Returns all aggregates and conditions of all entries as CSV; an undefined figure is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for board in boards:
        for row in board.rows:
            for kind, name, metric, found in _figures(row):
                numbers = ["" if math.isnan(x) else f"{x:.6f}" for x in (found.value, found.low, found.high)]
                rank = "" if row.rank is None else row.rank
                start = [board.protocol.name, rank, row.name, row.sees, len(row.cards), kind, name, metric]
                writer.writerow([*start, *numbers, found.samples, found.groups])
    return text.getvalue()


def _figures(row: Row) -> Iterator[tuple[str, str, str, Figure]]:
    """Yields (kind, name, metric, figure), the aggregates first."""
    for name, by_metric in row.aggregates.items():
        for metric, estimate in by_metric.items():
            yield "aggregate", name, metric, figure(estimate)
    for key, figures in row.conditions.items():
        for metric, found in figures.items():
            yield "condition", key, metric, found
