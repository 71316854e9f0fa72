"""Terminals: consoles that write what the stream can take, and tables that break no word."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

UNBOUNDED = 100_000  # columns of a file or a pipe: no line of it is folded


def tolerate_encodings() -> None:
    r"""Let standard output write what its encoding lacks as `\xe4`, as standard error does.

    A terminal in the C locale, a cron job or a pipe on Windows takes no umlauts; a result is not to be lost by that.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def make_console(*, err: bool = False) -> Console:
    """Return a console for results, or for standard error.

    It is as wide as the terminal. Where the output is not a terminal it has no width, unless COLUMNS is set.
    """
    from rich.console import Console, ConsoleDimensions

    tolerate_encodings()
    made = Console(stderr=err, highlight=False)
    # asked of the stream: for rich, FORCE_COLOR makes a terminal of every pipe, and TERM=dumb makes it 80 columns wide
    if not made.file.isatty():
        columns = os.environ.get("COLUMNS", "")
        made.size = ConsoleDimensions(int(columns) if columns.isdigit() else UNBOUNDED, made.height)
    return made


def print_table(screen: Console, table: Table) -> None:
    """Print a table in which no word is cut or broken: columns are folded between words, the widest one first.

    A table whose words need more than the screen's width is wider than the screen.
    """
    title, table.title = table.title, None
    if title:
        screen.print(title, style=table.title_style, soft_wrap=True)
    widths, least = _column_widths(screen, table)
    widths = _narrowed(widths, least, _total(screen, table) - screen.width)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    table.width = _total(screen, table)
    screen.print(table, crop=False)


def fits(screen: Console, table: Table) -> bool:
    """Return whether a table fits the screen without breaking a word."""
    _, least = _column_widths(screen, table)
    widths = [column.width for column in table.columns]
    for column, width in zip(table.columns, least, strict=True):
        column.width = width
    needed = _total(screen, table)
    for column, before in zip(table.columns, widths, strict=True):
        column.width = before
    return needed <= screen.width


def _total(screen: Console, table: Table) -> int:
    """Width of a table on an endless line, with its padding and rules."""
    from rich.measure import Measurement

    return Measurement.get(screen, screen.options.update(width=UNBOUNDED), table).maximum


def _column_widths(screen: Console, table: Table) -> tuple[list[int], list[int]]:
    """Return the widths of the columns on one line per row, and the least that break no word."""
    from rich.measure import Measurement

    room = screen.options.update(width=UNBOUNDED)
    widths, least = [], []
    for column in table.columns:
        found = [Measurement.get(screen, room, cell) for cell in (column.header, *column.cells)]
        widths.append(max(1, *(cell.maximum for cell in found)))
        least.append(widths[-1] if column.no_wrap else max(1, *(cell.minimum for cell in found)))
    return widths, least


def _narrowed(widths: list[int], least: list[int], excess: int) -> list[int]:
    """Take `excess` from the widest columns, none below its least width."""
    widths = list(widths)
    for _ in range(excess):
        wide = [index for index, width in enumerate(widths) if width > least[index]]
        if not wide:
            break
        widths[max(wide, key=lambda index: widths[index])] -= 1
    return widths
