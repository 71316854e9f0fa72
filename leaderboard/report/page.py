"""A board as one self-contained HTML file: no server, no network, no library."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from ...benchmark.contract.sees import MEANS, SEES
from ...benchmark.files.wording import plural
from ...benchmark.reporting.glossary import linked, term
from ...benchmark.reporting.html import TEMPLATES as SHARED
from ...benchmark.reporting.html import inlined, page_style, template_environment
from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.scoring.metrics import metric_title
from ..analysis.accuracy_line import Line
from ..analysis.answer import answer
from ..analysis.approach import approach_title, start_note
from ..analysis.convergence import convergence, footnotes
from ..analysis.correlation import Correlation, HeatRow
from ..analysis.findings import findings
from ..analysis.wording import CLAIMED
from ..entries.figures import NOTHING, Figure
from ..ranking.board import Board, Row
from ..ranking.counts import counted
from ..ranking.networks import on_networks
from . import charts
from .estimators import estimators_table
from .loss_curves import figure_curves, loss_curves, speeds
from .markdown import COLUMNS
from .page_data import details
from .site import index as site
from .site.audit_page import AuditLine
from .site.links import NO_LINKS, Links
from .site.marks import OUTLINES, mark_of
from .site.picture import picture

TEMPLATES = Path(__file__).with_name("templates")
SCRIPTS = (
    SHARED / "terms.js",
    TEMPLATES / "tables.js",
    TEMPLATES / "panels.js",
    site.TEMPLATES / "curves.js",
    TEMPLATES / "compare.js",
)
SPANS = ("shifted", "clean", "real", "synthesized")  # columns whose intervals are drawn, on one axis
BINS = 10  # shades of the heat map on each side of zero


def page(
    board: Board,
    found: Correlation | None,
    fitted: Sequence[Line],
    links: Links = NO_LINKS,
    audit: Sequence[AuditLine] = (),
) -> str:
    """Render the page of a board. The same board gives the same bytes: no date, no host, nothing random.

    All text from submissions is escaped, and the content security policy allows only the page's own script, by hash.

    Args:
        board: Ranked table.
        found: Its rank correlations, if any.
        fitted: Its lines.
        links: Where it leads to.
        audit: The main findings of an audit of its images.
    """
    environment = template_environment(TEMPLATES, site.TEMPLATES)
    script = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    style = page_style(*site.STYLES)
    return environment.get_template("page.html").render(
        board=_context(board, found, fitted),
        links=links,
        audit=audit,
        terms=site.board_terms(),
        linked=linked,
        term=term,
        **inlined(style, script),
        means=MEANS,
        outlines=OUTLINES,
        size=(charts.WIDTH, charts.HEIGHT),
        frame=(charts.LEFT, charts.TOP, charts.WIDTH - charts.RIGHT, charts.HEIGHT - charts.BOTTOM),
    )


def _context(board: Board, found: Correlation | None, fitted: Sequence[Line]) -> dict[str, object]:
    """Collect what the templates need of a board."""
    protocol, rank_by = board.protocol, board.rank_by
    title = board.title
    names = list(board.rows[0].aggregates.names) if board.rows else []
    parts = [name for name in names if name.startswith(("real/", "synthesized/"))]
    parts += [name for name in ("real-worst", "synthesized-worst", "area", "relative") if name in names]
    others = [
        (f"{metric_title(metric, protocol.positive)}, {name}", name, metric)
        for metric in (board.rows[0].aggregates.metrics if board.rows else ())
        if metric != rank_by
        for name in ("clean", "real", "synthesized")
        if name in names
    ]
    validation, *tested = sorted(board.sizes, key=lambda key: (key[1] == "test", key[0] != protocol.source, key[0]))
    text, kept = details(board)
    best = board.best_first()[:kept]
    lines, states = {line.title: line for line in fitted}, convergence(board)
    scatters = [charts.against_clean(board, name, title, lines.get(name)) for name in ("real", "synthesized")]
    ends = charts.bounds(
        [x for row in board.rows for name in SPANS if name in names for x in row.aggregates[name, rank_by]]
    )
    return {
        "protocol": protocol,
        "digest": protocol.sha256[:12],
        "title": title,
        "ranked_figure": board.ranked_figure,
        "columns": [label for label, _ in COLUMNS],
        "parts": [_label(name, board.few_groups) for name in parts],
        "others": [label for label, _, _ in others],
        "groups": {
            sees: [
                {
                    **_item(row, board, parts, others, ends, lines),
                    "training": states[row.name],
                    "drawn": [c for c in (loss_curves(row), figure_curves(row)) if c] if row in best else [],
                    "speeds": speeds(row, board),
                }
                for row in rows
            ]
            for sees, rows in board.groups().items()
        },
        "question": site.question(protocol),
        "answer": answer(board),
        "picture": picture(board),
        "sees": [sees for sees in SEES if any(row.sees == sees for row in board.rows)],
        "claimed": CLAIMED,
        "in_process": any(row.in_process for row in board.rows),
        "findings": findings(board, found),
        "footnotes": footnotes(states.values()),
        "legend": [(row.name, row.claimed) for row in charts.drawn_rows(board)],
        "hidden": len(board.rows) - len(charts.drawn_rows(board)),
        "scatters": [chart for chart in scatters if chart],
        "curves": charts.severity_curves(board, title),
        "lines": [_fitted(line) for line in fitted],
        "heat": found
        and {
            "rows": [_heat_row(row) for row in found.rows],
            "sites": found.sites,
            "found": found,
            "on": on_networks(found.entries, found.networks),
        },
        "estimators": estimators_table(board),
        "sizes": [(domain, split, *board.sizes[domain, split]) for domain, split in (*tested, validation)],
        "shifts": _by_family(board),
        "remarks": [remark.text for remark in board.remarks],
        "counted": counted(board.rows),
        "notes": [*board.sites, *board.notes],
        "details": Markup(text),
        "detailed": kept,
        "entries": len(board.rows),
        "names": [(row.name, row.claimed) for row in board.rows if row in best],
    }


def _item(
    row: Row,
    board: Board,
    parts: Sequence[str],
    others: Sequence[tuple[str, str, str]],
    ends: tuple[float, float],
    lines: dict[str, Line],
) -> dict[str, object]:
    """Collect what the templates need of an entry."""
    rank_by = board.rank_by
    cells = [_cell(row, name, rank_by, ends if name in SPANS else None) for _, name in COLUMNS]
    return {
        "row": row,
        "number": board.rows.index(row),
        "mark": mark_of(row),
        "cells": cells,
        "gap": _figure(row.gap_to_best),
        "parts": [_cell(row, name, rank_by) for name in parts],
        "others": [_cell(row, name, metric) for _, name, metric in others],
        "residuals": [
            (title, format_decimal(abs(line.residuals[row.name])), "below" if line.residuals[row.name] < 0 else "above")
            for title, line in lines.items()
            if not math.isnan(line.residuals.get(row.name, math.nan))
        ],
        "config": [(name, json.dumps(value)) for name, value in row.cards[0].baseline.config.items()],
        "packages": row.cards[0].environment.packages,
        "approach": approach_title(row),
        "start": start_note(row),
        "coverage": format_decimal(row.coverage),
        "look_at": sorted({remark.title for remark in board.remarks if row.name in remark.entries}),
    }


def _label(name: str, few_groups: Mapping[str, int]) -> str:
    """Write the heading of a column of parts; a site with few groups is marked."""
    labels = {"real-worst": "worst site", "synthesized-worst": "worst shift", "area": "area under severity"}
    groups = few_groups.get(name.removeprefix("real/"), 0) if name.startswith("real/") else 0
    return labels.get(name, name.replace("/", ": ", 1)) + (f" ({plural(groups, 'group')})" if groups else "")


def _by_family(board: Board) -> dict[str, list[str]]:
    families: dict[str, list[str]] = {}
    for shift, family in board.protocol.shifts.items():
        families.setdefault(family, []).append(shift)
    return families


def _fitted(line: Line) -> dict[str, str | int]:
    return {
        "title": line.title,
        "entries": line.entries,
        "slope": f"{line.slope:.2f}",
        "explained": "undefined" if math.isnan(line.explained) else f"{line.explained:.2f}",
    }


def _heat_row(row: HeatRow) -> dict[str, object]:
    """Format a row of the heat map; each cell has a text, a shade (`p7`, `n3`, `none`) and a tooltip."""
    cells = []
    for cell in row.cells:
        if math.isnan(cell.spearman):
            cells.append({"text": "–", "shade": "none", "more": "undefined: the entries do not differ", "between": ""})
            continue
        shade = min(BINS, math.floor(abs(cell.spearman) * BINS))
        interval = "" if math.isnan(cell.low) else f", 95 % interval {cell.low:.2f} to {cell.high:.2f}"
        cells.append(
            {
                "text": f"{cell.spearman:.2f}",
                "shade": f"{'p' if cell.spearman >= 0 else 'n'}{shade}",
                "between": interval and f"{cell.low:.2f} to {cell.high:.2f}",
                "more": f"Spearman {cell.spearman:.2f}{interval}; Kendall {cell.kendall:.2f}",
            }
        )
    gain, low, high = row.gain
    change = "" if math.isnan(gain) else f"{gain:+.2f}" + ("" if math.isnan(low) else f" [{low:+.2f}, {high:+.2f}]")
    verdict = "better" if row.beats else "worse" if row.fails else "not supported" if not math.isnan(low) else ""
    return {"name": row.name, "family": row.family, "cells": cells, "gain": change, "verdict": verdict}


def _cell(row: Row, name: str, metric: str, ends: tuple[float, float] | None = None) -> dict[str, object]:
    """Format a figure of the table; `sort` is empty if it is undefined."""
    found = row.aggregates[name, metric] if name in row.aggregates else NOTHING
    return _figure(found, ends)


def _figure(found: Figure, ends: tuple[float, float] | None = None) -> dict[str, object]:
    if not found.defined:
        return {"value": "–", "interval": "", "sort": "", "span": None}
    interval = "" if math.isnan(found.low) else f"{format_decimal(found.low)} to {format_decimal(found.high)}"
    span = None
    if ends is not None and interval:
        span = [round(96 * (x - ends[0]) / (ends[1] - ends[0]) + 2, 1) for x in found]
    return {"value": format_decimal(found.value), "interval": interval, "sort": f"{found.value:.6f}", "span": span}
