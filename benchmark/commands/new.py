"""`medshift new`: start a plug-in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Start a plug-in package.")


@app.callback()
def start() -> None:
    """Start a plug-in package."""


@app.command("shift")
def new_shift(
    name: Annotated[str, typer.Argument(help="The shift's name: small letters, digits, hyphens.")],
    out: Annotated[Path | None, typer.Option(help="Folder to make; medshift-NAME by default.")] = None,
) -> None:
    """Write an installable package that adds a shift: module, entry point, test, README."""
    from .. import scaffold

    folder = out or Path(f"medshift-{name}")
    for path in scaffold.new_shift(name, folder):
        print(path)
    print(f"next: pip install --editable {folder} && medshift check shift {name}")
