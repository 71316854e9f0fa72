"""The catalogue of built-in shifts as Markdown, for `docs/reference/shifts.md`."""

from __future__ import annotations

from pathlib import Path

from ....shifts import catalogue
from ....shifts.families.sources import SOURCES
from ...reporting.markdown import replace_between

BEGIN, END = "<!-- catalogue: written by `medshift shifts table` -->", "<!-- end of catalogue -->"


def markdown() -> str:
    """Tabulate the shifts of each family: severities in physical units, modalities, axes, source."""
    parts = []
    for family in catalogue.FAMILIES:
        parts += [
            f"### {family.capitalize()}\n",
            "| shift | what it does | severities 1 to 5 | unit | modalities | takes | source |",
            "|---|---|---|---|---|---|---|",
        ]
        for entry in catalogue.BUILTINS.values():
            if entry.family != family:
                continue
            values = catalogue.severities(entry.name) or ()
            takes = " and ".join(f"{dims}-D" for dims in entry.dims) + ("" if 0 in entry.channels else ", RGB")
            takes += "" if entry.slices == 1 else f", {entry.slices} slices or more"
            version = "" if entry.version == 1 else f" (version {entry.version})"
            cells = (
                f"`{entry.name}`{version}",
                entry.summary,
                ", ".join(f"{value:g}" for value in values),
                entry.unit.replace("|", "/"),
                ", ".join(entry.modalities),
                takes,
                SOURCES[entry.name],
            )
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def into(path: Path) -> bool:
    """Replace the catalogue between its markers in a file; return whether anything changed.

    Raises:
        MedshiftError: The file has no such marks.
    """
    return replace_between(path, BEGIN, markdown(), END)
