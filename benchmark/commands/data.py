"""`medshift data`: bring data in, look what is there, take it out. Each command is in a file of its own."""

from __future__ import annotations

import typer

from . import data_add, data_audit, data_get, data_kept

app = typer.Typer(no_args_is_help=True, help="Bring data in, see what is there.")
app.command("add")(data_add.add)
app.command("get")(data_get.get)
app.command("audit")(data_audit.audit)
app.command("list")(data_kept.list_stored)
app.command("check")(data_kept.check)
app.command("remove")(data_kept.remove)
