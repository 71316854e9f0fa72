"""`medshift leaderboard`: from a folder of submissions to a table and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def leaderboard(
    root: Annotated[Path, typer.Argument(help="Folder of submissions.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder into which page and tables are written.")] = Path(
        "site"
    ),
    readme: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the first entries of each access level into this Markdown file."),
    ] = None,
    against: Annotated[
        str, typer.Option(metavar="ENTRY", help="Also write every entry's gain over this one, paired, with intervals.")
    ] = "",
) -> None:
    """Score all submissions again from their predictions, rank them, and write page and tables."""
    from .....leaderboard.build import build_leaderboard as build
    from ....files.destinations import output_folder

    build(root, output_folder(out, "index.html"), readme, against)
