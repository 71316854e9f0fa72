"""Build the report of a study from its folder alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ....shifts.errors import MedshiftError
from ...files.atomic import write_lines, write_text
from ...files.names import require_name
from .. import registry
from .. import stored as storage
from ..findings import Analysis, Findings
from ..grid.report import report as grid_report
from ..stored import StoredStudy
from .page import csv_lines, figure, markdown, page

SHOWN = re.compile(r"\]\(figures/([\w.@+-]+)\.svg\)")  # a figure, in the Markdown of a report


@dataclass(frozen=True)
class BuiltReport:
    """A report.

    Args:
        stored: The study.
        findings: What it finds.
        page: The page.
    """

    stored: StoredStudy
    findings: Findings
    page: Path


def build_report(folder: Path, progress: Callable[[str], None] = lambda name: None) -> BuiltReport:
    """Write `index.html`, `figures/*.svg`, `study.csv` and `study.md` into a study's folder.

    Args:
        folder: Holds `study.toml` and the submissions.
        progress: Called with the name of each entry that is scored.

    Raises:
        MedshiftError: The folder holds no study or nothing finished, or is damaged.
    """
    stored = storage.read(folder)
    if stored.own_analysis:
        findings = _analysis(stored).report(stored, folder)
        findings = replace(findings, doubts=[*stored.told_cuts, *stored.study.limits, *findings.doubts])
    else:
        findings, _ = grid_report(stored, folder, progress)
    _remove_others(folder, findings)
    for drawing in findings.drawings:
        require_name(drawing.name, "figure")
        write_text(folder / "figures" / f"{drawing.name}.svg", figure(drawing, findings))
    write_lines(folder / "study.csv", csv_lines(findings))
    write_text(folder / "study.md", markdown(stored, findings))
    write_text(folder / "index.html", page(stored, findings))
    return BuiltReport(stored, findings, folder / "index.html")


def _remove_others(folder: Path, findings: Findings) -> None:
    """Remove the figures of the report before that this one does not have; other files in their folder stay."""
    before = folder / "study.md"
    named = SHOWN.findall(before.read_text(encoding="utf-8")) if before.is_file() else []
    for name in set(named) - {drawing.name for drawing in findings.drawings}:
        (folder / "figures" / f"{name}.svg").unlink(missing_ok=True)


def _analysis(stored: StoredStudy) -> Analysis:
    """Find the analysis of a study in the package that defines it: its folder names no code."""
    name = stored.study.name
    analysis = registry.load_study(name).study.analysis
    if analysis is None:
        raise MedshiftError(f"study {name!r} has an analysis of its own where it was made, and none here")
    return cast("Analysis", analysis)
