"""The leaderboard as one HTML file that needs nothing else: no server, no network, no library."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..benchmark.estimate import Estimate, decimal
from ..benchmark.metrics import METRICS
from ..benchmark.sees import MEANS
from . import charts
from .board import Board, Row
from .markdown import COLUMNS

TEMPLATES = Path(__file__).with_name("templates")


def page(boards: Sequence[Board]) -> str:
    """Returns the page. The same boards give the same bytes: no date, no host, nothing random.

    All that comes from submissions is escaped, and a content security policy lets no script run but the one whose hash
    it holds.
    """
    # autoescape is on for every template, whatever its suffix
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        boards=[_context(board) for board in boards],
        script=Markup(script),
        style=Markup(style),
        script_hash=_hash(script),
        style_hash=_hash(style),
        means=MEANS,
        size=(charts.WIDTH, charts.HEIGHT),
        frame=(charts.LEFT, charts.TOP, charts.WIDTH - charts.RIGHT, charts.HEIGHT - charts.BOTTOM),
    )


def _context(board: Board) -> dict[str, object]:
    """Returns what the template needs of a board."""
    protocol = board.protocol
    title = METRICS[board.rank_by].title
    others = [name for name in protocol.metrics if name != board.rank_by]
    columns = [(label, name, board.rank_by) for label, name in COLUMNS]
    columns += [(f"{METRICS[name].title}, shifted", "shifted", name) for name in others]
    parts = [name for name in _names(board) if "/" in name]
    validation, *tested = sorted(board.sizes, key=lambda key: (key[1] == "test", key[0] != protocol.source, key[0]))
    return {
        "protocol": protocol,
        "digest": protocol.sha256[:12],
        "title": title,
        "columns": [label for label, _, _ in columns],
        "parts": [name.replace("/", ": ", 1) for name in parts],
        "groups": {
            sees: [
                {
                    "row": row,
                    "cells": [_cell(row, name, metric) for _, name, metric in columns],
                    "parts": [_cell(row, name, board.rank_by) for name in parts],
                    "config": [(name, json.dumps(value)) for name, value in row.cards[0].baseline.config.items()],
                }
                for row in rows
            ]
            for sees, rows in board.by_sees().items()
        },
        "legend": [row.name for row in charts.drawn(board)],
        "hidden": len(board.rows) - len(charts.drawn(board)),
        "scatter": charts.clean_against_shifted(board, title),
        "curves": charts.severity_curves(board, title),
        "sizes": [(domain, split, *board.sizes[domain, split]) for domain, split in (*tested, validation)],
        "shifts": _by_family(board),
        "notes": board.notes,
    }


def _names(board: Board) -> list[str]:
    return list(board.rows[0].aggregates) if board.rows else []


def _by_family(board: Board) -> dict[str, list[str]]:
    families: dict[str, list[str]] = {}
    for shift, family in board.protocol.shifts.items():
        families.setdefault(family, []).append(shift)
    return families


def _cell(row: Row, name: str, metric: str) -> dict[str, str]:
    """Returns a figure as the table shows it; `sort` is empty where it is undefined."""
    found: Estimate | None = row.aggregates.get(name, {}).get(metric)
    if found is None or math.isnan(found.value):
        return {"value": "–", "interval": "", "sort": ""}
    low, high = found.interval
    interval = "" if math.isnan(low) else f"{decimal(low)} to {decimal(high)}"
    return {"value": decimal(found.value), "interval": interval, "sort": f"{found.value:.6f}"}


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
