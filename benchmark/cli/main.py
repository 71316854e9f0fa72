"""The command line: `medshift run`, `data`, `list`, `check`, `shifts`, `protocol`, `leaderboard` and others."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ...shifts.errors import MedshiftError
from . import interrupts
from .commands import check, data, export, leaderboard, listing, new, protocol, run, score, shifts, submit, verify

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota of that name


class _Commands(TyperGroup):
    """The commands; an interruption ends in medshift's own line, before Typer sees it."""

    def make_context(self, *args: Any, **settings: Any) -> Any:  # noqa: ANN401 - Typer's, of any version
        try:
            return super().make_context(*args, **settings)
        except KeyboardInterrupt as stop:
            interrupts.end(stop)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            interrupts.end(stop)


app = typer.Typer(
    name="medshift",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("export")(export.export)
app.command("score")(score.score)
app.command("submit")(submit.submit)
app.command("verify")(verify.verify)
app.add_typer(listing.app, name="list")
app.add_typer(check.app, name="check")
app.add_typer(data.app, name="data")
app.add_typer(protocol.app, name="protocol")
app.add_typer(shifts.app, name="shifts")
app.add_typer(new.app, name="new")


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        print(f"medshift {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Does a medical-imaging model survive the next hospital's scanner?"""


def main() -> None:
    """Run the command line; an error that a user can fix ends in one line and status 1."""
    # OpenMP threads wait by spinning. Spinning for long makes training ten times slower when another process wants a
    # core; not spinning at all makes it half as fast on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    with interrupts.handled():
        try:
            app()
        except MedshiftError as error:
            print(f"medshift: {error}", file=sys.stderr)
            sys.exit(1)
        except OSError as error:
            if error.errno not in FULL:
                raise
            print(f"medshift: {error.filename or 'a file'} cannot be written: {error.strerror}", file=sys.stderr)
            sys.exit(1)
