"""The table of estimators as the page shows it, and in files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence

from ...benchmark.files.text import csv_cells
from ...benchmark.reporting.numbers import format_decimal, format_signed
from ..analysis.estimators import EstimatorRow, cases, estimator_rows
from ..entries.estimating import COLUMNS
from ..entries.figures import Figure
from ..ranking.board import Board
from ..ranking.networks import on_networks

HEAD = ("protocol", "estimator", "entry", "seed", "site", *COLUMNS)


def estimators_csv(boards: Sequence[Board]) -> Iterator[str]:
    """Yield every estimate of every submission beside the measured figure; what is undefined is an empty cell."""
    yield ",".join(HEAD) + "\n"
    for board in boards:
        for case in cases(board):
            text = io.StringIO()
            figures = ("" if math.isnan(x) else f"{x:.6f}" for x in case.figures)
            csv.writer(text, lineterminator="\n").writerow(
                csv_cells([board.protocol.name, case.estimator, case.entry, case.seed, case.site, *figures])
            )
            yield text.getvalue()


def estimators_json(board: Board) -> dict[str, object]:
    """Return the scores of the estimators by name; undefined figures are null."""
    return {
        row.name: {
            "cases": row.cases,
            "entries": row.entries,
            "networks": row.networks,
            "without_estimate": json_number(row.none),
            "absolute_error": _numbers(row.error),
            "bias": _numbers(row.bias),
            "coverage": _numbers(row.coverage),
            "half_width": json_number(row.width),
        }
        for row in estimator_rows(board)
    }


def estimators_table(board: Board) -> dict[str, object] | None:
    """Collect what the page needs; None where nothing was estimated."""
    rows = estimator_rows(board)
    if not rows:
        return None
    first = rows[0]
    counts: dict[str, object] = {"cases": first.cases, "entries": first.entries, "claimed": len(board.claimed)}
    counts["on"] = on_networks(first.entries, first.networks)
    return {**counts, "rows": [_row(row) for row in rows]}


def _row(row: EstimatorRow) -> dict[str, object]:
    cells = [figure_cell(row.error), figure_cell(row.bias, signed=True), figure_cell(row.coverage)]
    cells += [figure_cell(Figure(value, math.nan, math.nan)) for value in (row.width, row.none)]
    return {"name": row.name, "cells": cells}


def figure_cell(found: Figure, *, signed: bool = False) -> dict[str, str]:
    """Format a figure of an estimator; `sort` is empty if it is undefined."""
    if not found.defined:
        return {"value": "–", "interval": "", "sort": ""}
    show = format_signed if signed else format_decimal
    interval = "" if math.isnan(found.low) else f"{show(found.low)} to {show(found.high)}"
    return {"value": show(found.value), "interval": interval, "sort": f"{found.value:.6f}"}


def _numbers(found: Figure) -> list[float | None]:
    return [json_number(value) for value in found]


def json_number(value: float) -> float | None:
    """Round a figure for JSON; null where undefined."""
    return None if math.isnan(value) else round(value, 6)
