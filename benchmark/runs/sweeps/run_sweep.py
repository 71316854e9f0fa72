"""Sweeps from Python: what `medshift sweep` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ....shifts.errors import MedshiftError
from ...datasets.streaming.progress import Bar, no_bar
from ...files.destinations import output_folder
from ...protocols.folder import write_protocol
from .cluster import Cluster
from .local import Workers
from .outcome import Outcome, SweepProgress, SweepResult
from .planned import PlannedRun, plan_runs
from .sweep import Sweep


def run_sweep(
    sweep: Sweep,
    out: Path,
    *,
    workers: int = 1,
    threads: int = 0,
    device: str = "auto",
    ray: str = "",
    progress: SweepProgress | None = None,
    bar: Bar = no_bar,
) -> SweepResult:
    """Make every run of a sweep that is not done, on this machine or on a Ray cluster.

    A run that fails does not stop the others. Results are submissions as `medshift run` writes them, so that the same
    call resumes a sweep.

    Args:
        sweep: The sweep.
        out: Folder of submissions.
        workers: Runs at a time on this machine.
        threads: CPU threads of each run; 0 shares the cores among several workers, leaves one worker torch's choice,
            and is one on a cluster. Other threads, other bytes.
        device: `auto`, `cpu`, `cuda`, ...
        ray: Address of a Ray cluster, or `auto`; empty for this machine.
        progress: Receives progress; silent by default.
        bar: Shows progress of the data.

    Raises:
        MedshiftError: The sweep is wrong, and nothing was started; or no cluster answers.
    """
    if workers < 1 or threads < 0:
        raise MedshiftError("workers must be 1 or more, and threads not negative")
    output_folder(out, "a submission")
    pool = Cluster(ray, threads, device) if ray else Workers(workers, threads, device)
    return make_runs(plan_runs(sweep, bar), out, pool, progress)


def make_runs(
    runs: Sequence[PlannedRun], out: Path, pool: Workers | Cluster, progress: SweepProgress | None = None
) -> SweepResult:
    """Make the planned runs that are not done.

    Args:
        runs: From `plan_runs`.
        out: Folder of submissions.
        pool: Where they are made.
        progress: Receives progress.

    Raises:
        MedshiftError: The folder holds another protocol of the same name, or cannot be written.
    """
    progress = progress or SweepProgress()
    found = {id(run): Outcome(run, "done") for run in runs if run.is_done(out)}
    left = [run for run in runs if id(run) not in found]
    for study in {run.study.protocol.name: run.study for run in left}.values():
        write_protocol(study.protocol, study.table, out / study.protocol.name)
    if found:
        progress.line(f"{len(found)} of {len(runs)} runs are done already")
    for run in left:
        if obstacle := run.obstacle(out):  # it would be started only to fail
            found[id(run)] = Outcome(run, "failed", reason=obstacle)
            progress.ended(found[id(run)], len(found), len(runs))
    todo = [run for run in left if id(run) not in found]
    try:
        for outcome in pool.outcomes(todo, out, progress) if todo else ():
            found[id(outcome.run)] = outcome
            progress.ended(outcome, len(found), len(runs))
    except KeyboardInterrupt as stop:
        done = sum(run.is_done(out) for run in runs)
        stop.add_note(f"{done} of {len(runs)} runs are done; the same command resumes the others where they were")
        raise
    return SweepResult(out, tuple(found[id(run)] for run in runs))
