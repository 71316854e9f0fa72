"""The audit on the terminal: findings, counts, fingerprints, severities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...reporting.terminal import print_table
from ..audit import Audit
from ..confounding.columns import unexamined
from ..findings import GRAVE, NOTE, SERIOUS, findings
from ..fingerprint.fingerprint import columns
from ..fingerprint.validation import recovered
from ..measures.table import MEASURES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NAMED = 20  # columns that a line names
TAGS = {GRAVE: "[bold red]grave[/bold red]", SERIOUS: "[yellow]serious[/yellow]", NOTE: "note"}


def show(audit: Audit, screen: Console) -> None:
    """Print an audit."""
    from rich.markup import escape

    for table in tables(audit):
        print_table(screen, table)
        screen.print()
    found = findings(audit)
    screen.print(f"[bold]{len(found)} {'finding' if len(found) == 1 else 'findings'}[/bold]")
    for finding in found:
        screen.print(f"{TAGS[finding.weight]}: {escape(finding.text)}. {escape(finding.advice)}", soft_wrap=True)
    if audit.duplicates.left_out:
        more = f"{audit.duplicates.left_out:,} more candidates for duplicates"
        screen.print(f"{more} were similar at low resolution but were not compared", soft_wrap=True)
    names = unexamined(audit.dataset.table)
    if names:
        listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        why = "too many different values, and neither numbers nor dates"
        screen.print(escape(f"columns not examined: {listed} ({why})"), soft_wrap=True)


def tables(audit: Audit) -> Iterator[Table]:
    """Yield the tables of counts, fingerprints, severities and, if there was one, the validation."""
    yield _counts(audit)
    yield _fingerprints(audit)
    if audit.places:
        yield _severities(audit)
    if audit.trials:
        yield _validation(audit)


def _counts(audit: Audit) -> Table:
    counts = audit.counts
    return _table(
        "images (groups)",
        ("domain", *audit.dataset.classes, *(name for name in counts.by_split.columns if name)),
        [
            (
                str(domain),
                *(f"{i} ({g})" for i, g in zip(counts.images.loc[domain], counts.groups.loc[domain], strict=True)),
                *(str(n) for name, n in counts.by_split.loc[domain].items() if name),
            )
            for domain in counts.images.index
        ],
    )


def _fingerprints(audit: Audit) -> Table:
    prints = audit.fingerprints
    return _table(
        "fingerprints",
        ("measure", "unit", *(found.domain for found in prints)),
        [
            (
                MEASURES[name].title,
                MEASURES[name].unit,
                *(f"{found.means[index]:.{MEASURES[name].digits}f}" for found in prints),
            )
            for index, name in enumerate(columns(audit.dataset))
            if MEASURES[name].core
        ],
    )


def _severities(audit: Audit) -> Table:
    by_domain = [{place.shift: place for place in places} for places in audit.places.values()]
    shifts = dict.fromkeys(place.shift for places in audit.places.values() for place in places)
    return _table(
        f"severity, relative to {audit.source}, if each shift acted alone (?: its measures contradict each other)",
        ("shift", *audit.places),
        [
            (
                shift,
                *(
                    f"{places[shift].text}{' ?' if places[shift].mixed else ''}" if shift in places else "–"
                    for places in by_domain
                ),
            )
            for shift in shifts
        ],
    )


def _validation(audit: Audit) -> Table:
    return _table(
        f"recovery of known shifts applied to half of {audit.source}, severities 0.5 to 5",
        ("shift", "bias", "mean error", "error at 0.5", "recognised", "mistaken for"),
        [
            (
                found.shift,
                f"{found.bias:+.2f}",
                f"{found.error:.2f}",
                f"{found.faint_error:.2f}",
                f"{100 * found.recognised:.0f} %",
                ", ".join(f"{name} {count}" for name, count in found.mistaken.items()) or "–",
            )
            for found in recovered(audit.trials)
        ],
    )


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(head):
        table.add_column(escape(column), justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
