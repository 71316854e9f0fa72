"""Write a report: its page, and the JSON beside it."""

from __future__ import annotations

from pathlib import Path

from ....benchmark.files.atomic import write_text
from ..report import Report
from .page import page
from .record import record


def write_report(report: Report, page_file: Path) -> Path:
    """Write the page, and the JSON beside it; return the JSON's path."""
    write_text(page_file, page(report))
    beside = page_file.with_suffix(".json")
    write_text(beside, record(report).text())
    return beside
