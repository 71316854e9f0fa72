"""The command line: `medshift run`, `data`, `list`, `check`, `shifts`, `protocol`, `study`, `leaderboard`, others."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from ...shifts.errors import MedshiftError
from ..contract.apart.way import MethodFailed
from ..files.text import for_terminal
from ..reporting.terminal import tolerate_encodings
from . import interrupts
from .commands import check, data, doctor, estimate, listing, new, protocol, report, run, shifts, study, sweep, test
from .commands.entries import export, leaderboard, score, submit, verify
from .explain import expand_home, explain


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
app.command("test")(test.model_test)
app.command("sweep")(sweep.sweep)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("estimate")(estimate.estimate)
app.command("export")(export.export)
app.command("score")(score.score)
app.command("submit")(submit.submit)
app.command("verify")(verify.verify)
app.command("doctor")(doctor.doctor)
app.command("report")(report.report)
app.add_typer(listing.app, name="list")
app.add_typer(check.app, name="check")
app.add_typer(data.app, name="data")
app.add_typer(protocol.app, name="protocol")
app.add_typer(shifts.app, name="shifts")
app.add_typer(study.app, name="study")
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
    """Run the command line; an error that a user can fix, and one of the machine, ends in one line and status 1."""
    # OpenMP threads wait by spinning. Spinning for long makes training ten times slower when another process wants a
    # core; not spinning at all makes it half as fast on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    tolerate_encodings()
    with interrupts.handled():
        try:
            try:
                app(args=expand_home(sys.argv[1:]))
            finally:
                sys.stdout.flush()  # where the output is a file on a full disk, this is the first to know
        except MedshiftError as error:
            _end(str(error))
        except MethodFailed as error:  # a fault of the method: its own traceback tells, not that of who waited for it
            print(error.traceback, file=sys.stderr)
            sys.exit(1)
        except Exception as error:
            line = explain(error)
            if line is None:
                raise
            _end(line)


def _end(line: str) -> NoReturn:
    """End with an error; what could not be written to standard output is not tried again at exit."""
    if line:
        print(for_terminal(f"medshift: {line}"), file=sys.stderr)
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
