"""`medshift data get`: fetch and store a public data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def get(
    name: Annotated[str, typer.Argument(help="A public data set; see `medshift list datasets`.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", help="Folder with its files; nothing is then fetched, except after --accept."
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not use the network; so does MEDSHIFT_OFFLINE=1.")
    ] = False,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels or voxels; by default the set's own.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept the terms of the repositories that files are fetched from.")
    ] = False,
) -> None:
    """Fetch and store a public data set, or explain what to fetch by hand and where to put it.

    Run the same command again to resume an interrupted download.
    """
    from ....datasets.public.get import get as fetch
    from ...progress import bar, console

    def show(text: str) -> None:
        console().print(text, soft_wrap=True, markup=False)

    found = fetch(name, bar, folder=folder, offline=offline, image_size=image_size, accept=accept, show=show)
    size = " x ".join(map(str, found.spatial))
    print(f"{found.name}, version {found.version}: {len(found.table):,} images of {size}, {', '.join(found.domains)}")
    for line in (f"licence: {found.licence}", f"cite: {found.citation}", *found.notes):
        show(line)
