"""`medshift leaderboard`: from a folder of submissions to a table and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def leaderboard(
    root: Annotated[Path, typer.Argument(help="Folder of submissions.")],
    out: Annotated[Path, typer.Option(help="Where the page and tables go.")] = Path("site"),
    readme: Annotated[Path | None, typer.Option(help="Also replace the table in this file.")] = None,
) -> None:
    """Score all submissions again from their predictions, rank them, and write page and tables."""
    from ....leaderboard.build import build_leaderboard as build

    build(root, out, readme)
