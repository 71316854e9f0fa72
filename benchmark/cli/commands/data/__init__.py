"""`medshift data`: bring data in, look what is there, take it out. Each command is in a file of its own."""

from __future__ import annotations

import typer

from . import add, audit, get, stored

app = typer.Typer(no_args_is_help=True, help="Bring data in, see what is there.")
app.command("add")(add.add)
app.command("get")(get.get)
app.command("audit")(audit.audit)
app.command("list")(stored.list_stored)
app.command("check")(stored.check)
app.command("remove")(stored.remove)
