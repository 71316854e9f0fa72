"""The terms of the pages as Markdown: `python -m medshift.benchmark.cli.tables.glossary docs/reference/glossary.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from ...reporting.glossary import TERMS
from ...reporting.markdown import replace_between

BEGIN, END = "<!-- glossary:begin -->", "<!-- glossary:end -->"


def markdown() -> str:
    """Write one row per term, in alphabetical order."""
    rows = sorted(TERMS.values(), key=lambda term: term.title.casefold())
    return "| term | means |\n|---|---|\n" + "\n".join(f"| **{term.title}** | {term.meaning} |" for term in rows)


def main() -> None:
    """Replace the terms between their markers in a file."""
    replace_between(Path(sys.argv[1]), BEGIN, markdown(), END)


if __name__ == "__main__":
    main()
