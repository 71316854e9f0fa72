"""The page of an audit beside a board: findings and tables from its record, without pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from ....benchmark.audit.report.record import AuditRecord, Placed
from ....benchmark.files.wording import plural
from ....benchmark.protocols.protocol import Protocol
from ....benchmark.reporting.html import inlined, page_style, template_environment
from ....benchmark.reporting.numbers import format_decimal
from .index import STYLES, board_file

TEMPLATES = Path(__file__).with_name("templates")
FEWEST, MOST = 3, 5  # findings on the board's page
MAIN = ("grave", "serious")


@dataclass(frozen=True)
class AuditLine:
    """A finding on the board's page, and where it leads."""

    weight: str
    text: str
    href: str


def audit_file(name: str) -> str:
    """Name the page of a board's audit."""
    return f"audit-{name}.html"


def audit_lines(record: AuditRecord, name: str) -> list[AuditLine]:
    """List the main findings of an audit for its board's page, worst first, and how many more there are.

    Those that are grave or serious are named, and notes where there are few of these.
    """
    page = quote(audit_file(name))
    if not record.findings:
        return [AuditLine("", "nothing stands out", page)]
    grave = sum(each.weight in MAIN for each in record.findings)
    shown = record.findings[: min(max(grave, FEWEST), MOST)]
    rest = len(record.findings) - len(shown)
    lines = [
        AuditLine(each.weight, each.text, f"{page}#finding-{number}") for number, each in enumerate(shown, start=1)
    ]
    return [*lines, *([AuditLine("", f"{plural(rest, 'more finding')}", page)] if rest else [])]


def audit_page(record: AuditRecord, protocol: Protocol) -> str:
    """Render the page. The same record gives the same bytes; all text is escaped, and no script can run."""
    style = page_style(*STYLES)
    template = template_environment(TEMPLATES).get_template("audit.html")
    return template.render(
        record=record,
        board=protocol.name,
        href=quote(board_file(protocol.name)),
        simulated=protocol.dataset.simulated,
        probed=_probed(record),
        placed=_placed(record),
        **inlined(style),
    )


def _probed(record: AuditRecord) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """Lay out the probe: (domain trained in, (AUC, its interval) by domain tested in), in the order of the domains."""
    found = {(each.trained, each.tested): each for each in record.shortcuts}
    rows = []
    for trained in record.domains:
        cells = []
        for tested in record.domains:
            each = found.get((trained, tested))
            between = ""
            if each is not None and each.low is not None and each.high is not None:
                between = f"{format_decimal(each.low, 2)} to {format_decimal(each.high, 2)}"
            cells.append(("–" if each is None else format_decimal(each.area, 2), between))
        rows.append((trained, cells))
    return rows if record.shortcuts else []


def _placed(record: AuditRecord) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """Lay out the severities: (shift, (severity, its interval) by domain except the source)."""
    ordered = sorted(record.severities, key=lambda each: each.shift)
    by_shift: Mapping[str, Mapping[str, Placed]] = {
        shift: {each.domain: each for each in members}
        for shift, members in groupby(ordered, key=lambda each: each.shift)
    }
    others = record.domains[1:]
    return [(shift, [_severity(by_domain.get(name)) for name in others]) for shift, by_domain in by_shift.items()]


def _severity(each: Placed | None) -> tuple[str, str]:
    if each is None:
        return "–", ""
    text = "below 0" if each.severity < 0 else "5 or more" if each.low >= 5 else f"{each.severity:.1f}"
    between = f"{each.low:.1f} to {each.high:.1f}"
    return text, f"{between}, contradictory" if each.contradictory else between
