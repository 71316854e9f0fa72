"""The page over boards: mean ranks, approaches, findings, and the worth of synthesized shifts and estimators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ....benchmark.contract.sees import MEANS
from ....benchmark.reporting.glossary import linked, term
from ....benchmark.reporting.html import TEMPLATES as SHARED
from ....benchmark.reporting.html import inlined, page_style, template_environment
from ...analysis.across.agreement import Agreement, agreement
from ...analysis.across.answer import answer_across
from ...analysis.across.duels import Duel, bests, duels
from ...analysis.across.holds import Finding, findings_by_board
from ...analysis.answer import Answer
from ...analysis.correlation import Correlation, HeatRow, RankCorrelation
from ...analysis.estimators import EstimatorRow, estimator_rows
from ...ranking.across import Across, SharedEntry, across
from ...ranking.board import Board
from ...ranking.networks import on_networks
from ..estimators import figure_cell
from .across_picture import letters, mean_text, rank_picture
from .index import STYLES, board_file, board_terms
from .links import NO_LINKS, Links
from .marks import OUTLINES, mark_of

TEMPLATES = Path(__file__).with_name("templates")
ACROSS_FILE = "over-boards.html"
NOT_AVERAGED = (
    "Ranks are averaged, figures are not: a balanced accuracy of .80 is much on one data set and little on another, "
    "which has other classes, patients and shifts, so that a mean of the two would tell of nothing that exists."
)


@dataclass(frozen=True, eq=False)
class Compared:
    """All that is said over several boards.

    Args:
        found: The shared entries.
        correlations: Of each of its boards, how well synthesized shifts predict the real ones.
        agreed: How far the boards agree on an order.
        duels: Wins and losses of approaches.
        findings: Which finding holds where.
        answer: In plain English.
    """

    found: Across
    correlations: Sequence[Correlation | None]
    agreed: Agreement
    duels: Sequence[Duel]
    findings: Sequence[Finding]
    answer: Answer


def compare_boards(boards: Sequence[Board], correlations: Sequence[Correlation | None]) -> Compared | None:
    """Compare boards by the entries that they share; None where no two of them share any."""
    found = across(boards)
    if found is None:
        return None
    of_board = {board.protocol.name: each for board, each in zip(boards, correlations, strict=True)}
    kept = [of_board[name] for name in found.names]
    agreed = agreement(found)
    findings = findings_by_board(found.boards, kept)
    return Compared(found, kept, agreed, duels(found), findings, answer_across(found, agreed))


def across_page(compared: Compared, links: Links = NO_LINKS) -> str:
    """Render the page. The same boards give the same bytes: no date, no host, nothing random.

    Args:
        compared: What is shown.
        links: Where it leads to.
    """
    script = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (SHARED / "terms.js", TEMPLATES.parents[1] / "templates" / "tables.js")
    )
    style = page_style(*STYLES, TEMPLATES / "across.css")
    found = compared.found
    return (
        template_environment(TEMPLATES)
        .get_template("across.html")
        .render(
            boards=[
                _board(board, letter) for board, letter in zip(found.boards, letters(len(found.boards)), strict=True)
            ],
            answer=compared.answer,
            picture=rank_picture(found),
            groups={sees: [_entry(entry, found) for entry in members] for sees, members in found.by_sees().items()},
            unranked=[_unranked(entry, found) for entry in found.entries if not entry.ranks],
            agreed=_agreed(compared.agreed),
            best=_bests(found),
            duels=compared.duels,
            findings=compared.findings,
            predicted=[_predicted(each) for each in compared.correlations],
            estimators=_estimators(found.boards),
            not_averaged=NOT_AVERAGED,
            outlines=OUTLINES,
            means=MEANS,
            links=links,
            terms=board_terms(),
            linked=linked,
            term=term,
            **inlined(style, script),
        )
    )


def _board(board: Board, letter: str) -> dict[str, object]:
    return {
        "letter": letter,
        "name": board.protocol.name,
        "href": quote(board_file(board.protocol.name)),
        "simulated": board.protocol.dataset.simulated,
        "entries": len(board.rows),
        "sites": list(board.protocol.targets),
    }


def _entry(entry: SharedEntry, found: Across) -> dict[str, object]:
    return {
        "name": entry.name,
        "number": found.ranked.index(entry),
        "mark": mark_of(next(iter(entry.rows.values()))),
        "mean": mean_text(entry).partition(" ")[0],
        "interval": mean_text(entry).partition(" ")[2].strip("()"),
        "sort": f"{entry.mean.value:.6f}",
        "ranks": [entry.ranks[name] for name in found.names],
    }


def _unranked(entry: SharedEntry, found: Across) -> dict[str, object]:
    """Collect what is shown of an entry that is not ranked on every board: on which it is, or why it is not."""
    cells = []
    for board in found.boards:
        row = entry.rows.get(board.protocol.name)
        cells.append(
            "not there" if row is None else "claimed" if row.claimed else "no rank" if row.rank is None else "ranked"
        )
    return {"name": entry.name, "sees": entry.sees, "mark": mark_of(next(iter(entry.rows.values()))), "cells": cells}


def _agreed(agreed: Agreement) -> dict[str, object]:
    value, low, high = agreed.mean
    return {
        "entries": agreed.entries,
        "on": on_networks(agreed.entries, agreed.networks),
        "mean": _two(value),
        "interval": "" if math.isnan(low) else f"{low:.2f} to {high:.2f}",
        "concordance": _two(agreed.concordance),
        "pairs": [(one, other, _two(each)) for one, other, each in agreed.pairs],
    }


def _bests(found: Across) -> list[dict[str, object]]:
    """Collect the best entry of each approach on each board, in order."""
    best = bests(found)
    return [
        {
            "name": board.protocol.name,
            "order": [(kind, row.name, board.figure(row).text) for kind, row in best[board.protocol.name].items()],
        }
        for board in found.boards
    ]


def _predicted(found: Correlation | None) -> dict[str, object] | None:
    if found is None:
        return None
    clean, synthesized = found.rows[0], found.rows[1]
    gain, low, high = synthesized.gain
    return {
        "networks": found.networks,
        "sites": len(found.sites) - 1,
        "clean": _correlation(clean.cells[-1]),
        "synthesized": _correlation(synthesized.cells[-1]),
        "gain": (
            f"{gain:+.2f}" if not math.isnan(gain) else "–",
            "" if math.isnan(low) else f"{low:+.2f} to {high:+.2f}",
        ),
        "verdict": _verdict(synthesized, low),
    }


def _verdict(row: HeatRow, low: float) -> str:
    return (
        "better"
        if row.beats
        else "worse"
        if row.fails
        else "not supported"
        if not math.isnan(low)
        else "too few networks"
    )


def _correlation(cell: RankCorrelation) -> tuple[str, str]:
    return _two(cell.spearman), "" if math.isnan(cell.low) else f"{cell.low:.2f} to {cell.high:.2f}"


def _two(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _estimators(boards: Sequence[Board]) -> dict[str, object] | None:
    """Collect the mean absolute error of each estimator on each board; None where nothing was estimated."""
    tables: list[dict[str, EstimatorRow]] = [{row.name: row for row in estimator_rows(board)} for board in boards]
    names = list(dict.fromkeys(name for table in tables for name in table))
    if not names:
        return None
    return {
        "counts": [
            next(((row.entries, row.networks, row.cases) for row in table.values()), (0, 0, 0)) for table in tables
        ],
        "rows": [
            {"name": name, "cells": [figure_cell(table[name].error) if name in table else None for table in tables]}
            for name in names
        ],
    }
