"""What `medshift sweep` does with a sweep: print its commands, show its table, or run it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .....shifts.errors import MedshiftError
from ....files.wording import duration, plural
from ....protocols.folder import require_same
from ....reporting.heartbeat import heartbeat
from ....runs.sweeps.cluster import Cluster
from ....runs.sweeps.estimate import Durations, told_total
from ....runs.sweeps.file import SweepFile
from ....runs.sweeps.local import Workers
from ....runs.sweeps.outcome import Outcome, SweepProgress, SweepResult, last_line
from ....runs.sweeps.planned import PlannedRun, plan_runs
from ....runs.sweeps.run_sweep import make_runs
from ....runs.sweeps.sweep import Sweep
from ...progress import bar, console
from ..listing import print_rows

LINE = 80  # characters of what a run printed last
CLOCK = 45  # columns of a terminal that the clock, the bar and the count take


def planned_runs(sweep: Sweep, file: SweepFile | None) -> list[PlannedRun]:
    """List the runs of a sweep; an error names the line of its file, if it has one."""
    return plan_runs(sweep, bar, file.protocol_failed if file else None)


def print_plan(runs: Sequence[PlannedRun], out: Path, threads: int, device: str) -> None:
    """Print one command per run that is to do, quoted for a shell, and why others cannot be made."""
    _require_same_protocols(runs, out)
    states = [run.state(out) for run in runs]
    for run, state in zip(runs, states, strict=True):
        if state == "to do":
            print(shlex.join(["medshift", *run.words(out, threads, device)]))
    for line in _obstacles(runs, states, out):
        console().print(line, markup=False, soft_wrap=True)
    console().print(counted(states), markup=False, soft_wrap=True)


def show(runs: Sequence[PlannedRun], out: Path, workers: int | None) -> None:
    """Print the table of runs, and how long those that are to do will take with a number of workers, if it is known."""
    _require_same_protocols(runs, out)
    durations = Durations(out, runs)
    states = [run.state(out) for run in runs]
    rows = []
    for run, state in zip(runs, states, strict=True):
        left = state in ("running", "to do")
        seconds = durations.of(run) if left else None
        shown = f"about {duration(seconds)}" if seconds is not None else "unknown" if left else ""
        rows.append((run.entry, str(run.seed), run.study.protocol.name, state, shown))
    print_rows("run", ("name", "seed", "protocol", "state", "time"), rows)
    for line in _obstacles(runs, states, out):
        print(line)
    todo = [run for run, state in zip(runs, states, strict=True) if state == "to do"]
    print(f"{counted(states)}; {told_total(todo, durations, workers)}")


def _require_same_protocols(runs: Sequence[PlannedRun], out: Path) -> None:
    """Raise MedshiftError if `out` holds another protocol in the place of one of a sweep: its runs would all fail."""
    for protocol in {run.study.protocol.name: run.study.protocol for run in runs}.values():
        require_same(protocol, out / protocol.name)


def _obstacles(runs: Sequence[PlannedRun], states: Sequence[str], out: Path) -> Iterator[str]:
    """Yield why each blocked run cannot be made."""
    for run, state in zip(runs, states, strict=True):
        if state == "blocked":
            yield f"blocked: {run.title}: {run.obstacle(out)}"


def start(runs: Sequence[PlannedRun], out: Path, pool: Workers | Cluster) -> None:
    """Make runs, and end with an error that lists those that failed."""
    with watched(len(runs), out) as progress:
        result = make_runs(runs, out, pool, progress)
    end(result)


def counted(states: Sequence[str]) -> str:
    """Count runs by state: `6 runs: 4 done, 2 to do`."""
    counts = Counter(states)
    kinds = ("done", "running", "to do", "blocked")
    return f"{plural(len(states), 'run')}: " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])


@contextmanager
def watched(total: int, out: Path) -> Iterator[SweepProgress]:
    """Print a line per run that has ended.

    On a terminal, show a clock and the runs under way, too; elsewhere, what they printed last, now and then.

    Args:
        total: Number of runs.
        out: Folder of submissions, with the logs of the runs.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = console()
    columns = (
        SpinnerColumn(),
        MofNCompleteColumn(),
        BarColumn(20),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    clock = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    task = clock.add_task("starting", total=total)
    active: Sequence[PlannedRun] = ()

    def line(text: str) -> None:
        screen.print(text, markup=False, soft_wrap=True)

    def ended(outcome: Outcome, count: int, total: int) -> None:
        clock.update(task, completed=count)
        line(f"[{count}/{total}] {outcome.run.title}: {_told(outcome)}")

    def tick(runs: Sequence[PlannedRun]) -> None:
        nonlocal active
        active = tuple(runs)
        shown = "; ".join(run.title for run in runs) or "waiting for workers"
        room = max(20, screen.width - CLOCK)
        clock.update(task, description=shown if len(shown) <= room else f"{shown[: room - 3]}...")

    with clock, heartbeat(screen, lambda: "; ".join(_doing(run, out) for run in active) or "waiting for workers"):
        yield SweepProgress(line, ended, tick)


def _doing(run: PlannedRun, out: Path) -> str:
    """Tell a run under way with the last line of its log."""
    last = last_line(run.log(out)).removeprefix(f"{run.title}: ") or "starting"
    return f"{run.title}: {last if len(last) <= LINE else f'{last[: LINE - 3]}...'}"


def _told(outcome: Outcome) -> str:
    if outcome.status == "elsewhere":
        return "left to the process that is making it"
    after = f"{outcome.status} after {duration(outcome.seconds)}" if outcome.seconds else outcome.status
    return f"{after}: {outcome.reason}" if outcome.reason else after


def end(result: SweepResult) -> None:
    """Tell what there is; what failed is listed with its reason, and ends in status 1."""
    if result.elsewhere:
        left = plural(len(result.elsewhere), "run")
        console().print(f"{left} left to other processes: the same command tells whether they are done", soft_wrap=True)
    print(f"submissions: {result.out} ({len(result.folders)} of {plural(len(result.outcomes), 'run')} done)")
    if result.failed:
        lines = [
            f"{each.run.title}: {each.reason}{f' (log: {each.log})' if each.log else ''}" for each in result.failed
        ]
        listed = "\n  ".join(lines)
        raise MedshiftError(f"{len(lines)} of {plural(len(result.outcomes), 'run')} failed:\n  {listed}")
