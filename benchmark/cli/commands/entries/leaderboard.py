"""`medshift leaderboard`: from a folder of submissions to tables and a site of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def leaderboard(
    root: Annotated[Path, typer.Argument(help="Folder of submissions.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder into which pages and tables are written.")] = Path(
        "site"
    ),
    readme: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the first entries of each access level into this Markdown file."),
    ] = None,
    against: Annotated[
        str, typer.Option(metavar="ENTRY", help="Also write every entry's gain over this one, paired, with intervals.")
    ] = "",
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Also write shifts.html, which shows every shift; this needs PyTorch.")
    ] = False,
    docs: Annotated[
        str,
        typer.Option(metavar="URL", help="Link to medshift's documentation: a folder in DIR, such as docs/, or a URL."),
    ] = "",
    refused: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what is refused and left out into this file, a line each, and succeed: to publish the rest.",
        ),
    ] = None,
) -> None:
    """Score all submissions again from their predictions, rank them, and write pages and tables.

    What is refused is left out and named, and the command fails once all is written; not so with --refused.
    """
    from .....leaderboard.build import build_leaderboard as build
    from .....leaderboard.entries.entries import sound_protocol_folders
    from .....leaderboard.report.site.links import require_docs
    from ....files.destinations import named_file, output_folder

    folder, file, docs = output_folder(out, "index.html"), "", require_docs(docs)
    if refused is not None:
        named_file(refused, "--refused")
    if gallery:
        sound_protocol_folders(root)  # where there is nothing to rank, no shift is drawn
        from ..shifts import GALLERY, write_gallery

        write_gallery(folder / GALLERY, home="index.html")
        file = GALLERY
    build(root, folder, readme, against, file, docs, refused)
