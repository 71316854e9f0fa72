"""`medshift data`: add, inspect and remove data sets. One file per command."""

from __future__ import annotations

import typer

from . import add, audit, get, stored

app = typer.Typer(no_args_is_help=True, help="Add, inspect and remove data sets.")
app.command("add")(add.add)
app.command("get")(get.get)
app.command("audit")(audit.audit)
app.command("list")(stored.list_stored)
app.command("check")(stored.check)
app.command("remove")(stored.remove)
