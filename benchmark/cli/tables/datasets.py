"""The public data sets as Markdown.

`python -m medshift.benchmark.cli.tables.datasets docs/reference/datasets.md` writes them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ...datasets.public.catalogue import DEFINITIONS
from ...datasets.public.definition import Definition
from ...reporting.markdown import replace_between

BEGIN, END = "<!-- datasets:begin -->", "<!-- datasets:end -->"


def markdown() -> str:
    """Write one section per public data set."""
    head = "| `medshift data get` | what | domains | classes | fetched |\n|---|---|---|--:|---|\n"
    rows = "".join(
        f"| [`{d.name}`](#{d.name}) | {d.title} | {len(d.domains)} | {len(d.classes)} | {_how(d)} |\n"
        for d in DEFINITIONS
    )
    return head + rows + "".join(map(_section, DEFINITIONS))


def _how(definition: Definition) -> str:
    extra = f", extra `{definition.extra}`" if definition.extra else ""
    accepted = "for you, with `--accept`" if definition.repositories else "by hand"
    return ("for you" if definition.remotes else accepted) + extra


def _section(definition: Definition) -> str:
    source = f"; trained on by default: {definition.source}" if definition.source else ""
    lines = [
        f"- **Domains:** {', '.join(definition.domains)}{source}",
        f"- **Classes:** {', '.join(definition.classes)}",
        f"- **Groups:** {definition.group}",
        f"- **Size:** {definition.size}; stored at {definition.side} px by default",
        f"- **Licence:** {definition.licence}",
        f"- **Cite:** {definition.citation}",
        f"- **Page:** {definition.page}",
        *(f"- **From:** {one.name} at {one.commit}: {one.what}. Terms: {one.terms}" for one in definition.repositories),
        f"- **By hand:** {definition.fetch.rstrip(':')}. " + "; ".join(_place(*place) for place in definition.layout),
        *(f"- **Note:** {note}" for note in definition.notes),
    ]
    return f"\n### {definition.name}\n\n{definition.title}.\n\n" + "\n".join(lines) + "\n"


def _place(path: str, what: str) -> str:
    return f"`{path}`" + (f" ({what})" if what else "")


def main() -> None:
    """Replace the sections between their markers in a file."""
    replace_between(Path(sys.argv[1]), BEGIN, markdown(), END)


if __name__ == "__main__":
    main()
