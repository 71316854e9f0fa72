"""Shifts in words, and the catalogue of the built-in ones as Markdown, for `docs/reference/shifts.md`."""

from __future__ import annotations

import inspect
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


def described(name: str) -> tuple[str, list[str]]:
    """Describe a shift, built-in or installed: its name with family and modalities, and lines of text.

    Raises:
        MedshiftError: The shift is unknown, or its package cannot be imported.
    """
    entry, values = catalogue.shift_info(name), catalogue.severities(name)
    paragraphs = (inspect.getdoc(catalogue.load_shift(name)) or entry.summary).split("\n\n")
    text = [" ".join(paragraph.split()) for paragraph in paragraphs]
    steps = f"severities 1 to 5: {', '.join(f'{value:g}' for value in values)} ({entry.unit})" if values else ""
    return f"{name}  ({entry.family}; {', '.join(entry.modalities)})", [*text, steps, SOURCES.get(name, "")]


def into(path: Path) -> bool:
    """Replace the catalogue between its markers in a file; return whether anything changed.

    Raises:
        MedshiftError: The file has no such marks.
    """
    return replace_between(path, BEGIN, markdown(), END)
