"""Progress on the terminal: bars and lines on standard error, where they do not mix with results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..reporting.heartbeat import heartbeat
from ..reporting.terminal import make_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from ..protocols.condition import Condition
    from ..runs.run import RunProgress


def console(*, err: bool = True) -> Console:
    """Return a console for standard error, or for results."""
    return make_console(err=err)


def _progress(what: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=what, transient=what.is_terminal)


@contextmanager
def bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with (done, total); the bar appears at its first call.

    Where standard error is not a terminal, a line every few seconds takes its place (`heartbeat`).
    """
    screen = console()
    progress = _progress(screen)
    task = None
    state = ""

    def update(done: int, total: int) -> None:
        nonlocal task, state
        if task is None:
            progress.start()
            task = progress.add_task(f"{label} ({unit})", total=total)
        progress.update(task, completed=done, total=total)
        state = f"{label}: {done:,} of {total:,} {unit}"

    try:
        with heartbeat(screen, lambda: state):
            yield update
    finally:
        if task is not None:
            progress.stop()


def watch() -> RunProgress:
    """Report a run on the terminal: lines, and a bar over conditions."""
    from ..runs.run import RunProgress

    screen = console()

    def track(conditions: Iterable[Condition], count: int) -> Iterator[Condition]:
        state = ""
        with _progress(screen) as progress, heartbeat(screen, lambda: state):
            task = progress.add_task("predicting", total=count)
            for number, condition in enumerate(conditions, 1):
                state = f"predicting {condition.key}, condition {number} of {count}"
                progress.update(task, description=f"predicting {condition.key}")
                yield condition
                progress.advance(task)
            progress.update(task, description=f"predicted {count} conditions")

    return RunProgress(line=lambda text: screen.print(f"[dim]{text}[/dim]", soft_wrap=True), track=track)
