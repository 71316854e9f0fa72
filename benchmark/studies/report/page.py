"""The page of a study as one self-contained HTML file, its figures as SVG, its table as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from ....leaderboard.report.page import TEMPLATES as BOARD_TEMPLATES
from ...files.text import csv_cells
from ...files.wording import plural
from ...reporting.html import inlined, page_style, template_environment
from ..choosing.answerable import OTHER_FIRST
from ..findings import Answered, Drawing, Findings
from ..stored import StoredStudy
from . import charts

TEMPLATES = Path(__file__).with_name("templates")
#: Said above an answer that is not the study's own first one.
NOT_ANSWERED = (
    "The question is not answered:",
    "the runs that it needs were left out. What was run says something else:",
)
WORDS = {"supported": "Supported", "refuted": "Refuted", "not shown": "Not shown"}


def page(stored: StoredStudy, findings: Findings) -> str:
    """Render the page. The same folder gives the same bytes: no date, no host, nothing random.

    All text is escaped, and the content security policy allows only the page's own style, by hash.
    """
    environment = template_environment(TEMPLATES, BOARD_TEMPLATES)
    style = page_style(BOARD_TEMPLATES / "page.css", TEMPLATES / "study.css")
    given = charts.styles(findings.drawings)
    return environment.get_template("study.html").render(
        study=stored.study,
        stored=stored,
        findings=findings,
        first=findings.answers[0] if findings.answers else None,
        words=WORDS,
        other_first=_other_first(stored, findings),
        told_first=NOT_ANSWERED,
        rests=_rests(findings.answers[0]) if findings.answers else "",
        drawings=[(drawing, charts.chart(drawing, given), drawing.title) for drawing in findings.drawings],
        legend=given.items() if len(given) <= charts.STYLES else [],
        legends=[[(curve.name, given[curve.name]) for curve in drawing.curves] for drawing in findings.drawings],
        size=charts.SIZE,
        frame=charts.FRAME,
        runs=plural(len(findings.cards), "run"),
        **inlined(style),
    )


def _other_first(stored: StoredStudy, findings: Findings) -> bool:
    """Return whether the first answer is not that of the study's question."""
    return findings.other_first or OTHER_FIRST in stored.cuts


def unanswered(stored: StoredStudy, findings: Findings) -> str:
    """Say that the question is not answered, in a line; empty if it is."""
    return " ".join(NOT_ANSWERED) if findings.answers and _other_first(stored, findings) else ""


def _rests(first: Answered) -> str:
    """Say what the verdict on the first answer rests on."""
    found = first.found
    if math.isnan(found.low):
        return "There is no interval, so that nothing is shown."
    held = {
        "supported": "lies where the claim says",
        "refuted": "lies elsewhere",
        "not shown": "holds numbers that the claim allows, and others",
    }
    return f"The whole 95 % interval, over {found.varied_over}, {held[first.verdict]}: {first.verdict}."


def figure(drawing: Drawing, findings: Findings) -> str:
    """Render a figure as a file of its own, with its legend, for a light and a dark ground."""
    environment = template_environment(TEMPLATES, BOARD_TEMPLATES)
    given = charts.styles(findings.drawings)
    shown = [(curve.name, given[curve.name]) for curve in drawing.curves]
    return environment.get_template("figure.svg").render(
        drawing=drawing,
        chart=charts.chart(drawing, given),
        legend=shown,
        size=charts.SIZE,
        frame=charts.FRAME,
        row=18,
    )


def csv_lines(findings: Findings) -> Iterator[str]:
    """Yield the records as CSV."""
    if not findings.records:
        return
    columns = list(findings.records[0])
    rows = [[str(record.get(name, "")) for name in columns] for record in findings.records]
    for cells in (columns, *rows):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(csv_cells(cells))
        yield buffer.getvalue()


def markdown(stored: StoredStudy, findings: Findings) -> str:
    """Write question, answers, doubts and the command as Markdown."""
    study = stored.study
    lines = [f"# {_plain(study.question)}", "", f"Claim: {_plain(study.claim)} ({_plain(study.source)})", ""]
    lines += [f"Refuted if: {_plain(study.refuted)}", ""]
    if unanswered(stored, findings):
        lines += [f"**{NOT_ANSWERED[0]}** {NOT_ANSWERED[1]}", ""]
    lines += [f"**{WORDS[each.verdict]}.** {_plain(each.sentence)}" for each in findings.answers[:1]]
    lines += [f"\n{_plain(each.found.note)}" for each in findings.answers[:1] if each.found.note]
    lines += ["", "| What was measured | Number [95 % interval] | Claim | Verdict |", "|---|--:|--:|---|"]
    lines += [_row(each) for each in findings.answers]
    lines += ["", *(f"- {_plain(doubt)}" for doubt in findings.doubts)]
    lines += [f"\n![{_plain(drawing.title)}](figures/{drawing.name}.svg)" for drawing in findings.drawings]
    for table in findings.tables:
        lines += ["", f"{_plain(table.title)}:", "", f"| {' | '.join(map(_plain, table.columns))} |"]
        lines += ["|---|" + "--:|" * (len(table.columns) - 1)]
        lines += [f"| {' | '.join(map(_plain, row))} |" for row in table.rows]
    if stored.command:
        lines += ["", "Made by:", "", f"    {stored.command}"]
    return "\n".join(lines) + "\n"


def _row(found: Answered) -> str:
    cells = (_noted(found, found.name or found.sentence), found.found.text, found.claimed, found.verdict)
    return f"| {' | '.join(map(_plain, cells))} |"


def _noted(found: Answered, text: str) -> str:
    """Add what must be known of a number, as that an end of its interval is open."""
    return f"{text.rstrip('.')}. {found.found.note}" if found.found.note else text


def _plain(text: str) -> str:
    from ....leaderboard.report.markdown import escape

    return escape(text)
