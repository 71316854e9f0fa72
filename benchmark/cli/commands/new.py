"""`medshift new`: start a plug-in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Start a plug-in package.")

Name = Annotated[str, typer.Argument(help="Its name: lower-case letters, digits, hyphens.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to create; medshift-NAME by default.")]


@app.callback()
def start() -> None:
    """Start a plug-in package."""


@app.command("shift")
def new_shift(name: Name, out: Out = None) -> None:
    """Write an installable package that adds a shift: module, entry point, test, README."""
    _write("shift", name, out, f"medshift check shift {name}")


@app.command("baseline")
def new_baseline(name: Name, out: Out = None) -> None:
    """Write an installable package that adds a baseline: a small network, entry point, test, README."""
    _write("baseline", name, out, f"medshift check baseline {name}")


@app.command("dataset")
def new_dataset(name: Name, out: Out = None) -> None:
    """Write an installable package that adds a data set: module, entry point, test, README."""
    _write("dataset", name, out, f"medshift check dataset {name}")


def _write(kind: str, name: str, out: Path | None, then: str) -> None:
    from .. import scaffold

    folder = out or Path(f"medshift-{name}")
    for path in scaffold.new(kind, name, folder):
        print(path)
    print(f"next: pip install --editable {shlex.quote(str(folder))} && {then}")
