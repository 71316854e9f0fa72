"""Workers on this machine: one process per run, each with its share of the cores and a graphics card of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...files.memory import cores
from .child import PROGRAM, Child
from .outcome import Outcome, SweepProgress, reason_of
from .planned import PlannedRun

TICK = 0.2  # seconds between looks at the processes


@dataclass
class _Active:
    run: PlannedRun
    child: Child
    slot: int
    begin: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True)
class Workers:
    """Workers on this machine.

    Args:
        count: Runs at a time.
        threads: CPU threads of each; 0 shares the cores among several workers, and leaves one worker torch's choice.
        device: As for `medshift run`.
        program: What runs the words of a command.
    """

    count: int = 1
    threads: int = 0
    device: str = "auto"
    program: Sequence[str] = PROGRAM

    @property
    def threads_each(self) -> int:
        """CPU threads of each worker, 0 for torch's choice."""
        return self.threads or (max(1, cores() // self.count) if self.count > 1 else 0)

    def outcomes(self, runs: Sequence[PlannedRun], out: Path, progress: SweepProgress) -> Iterator[Outcome]:
        """Make runs, and yield the outcome of each as it ends.

        Left by an exception, such as an interruption, all processes are ended first, and keep what they have.
        """
        pending, active = list(runs), list[_Active]()
        cards = graphics_cards() if self.device in ("auto", "cuda") else []
        try:
            while pending or active:
                for ended in [each for each in active if each.child.status is not None]:
                    active.remove(ended)
                    yield _ended(ended, out)
                while pending and len(active) < self.count:
                    run = _next(pending, active)
                    state = run.state(out)
                    if state in ("to do", "blocked"):  # what blocks it since it was planned, the run itself tells
                        slot = min(set(range(self.count)) - {each.slot for each in active})
                        active.append(_Active(run, self._start(run, out, slot, cards), slot))
                    else:  # by another process, after the sweep was planned
                        yield Outcome(run, "done" if state == "done" else "elsewhere")
                progress.tick([each.run for each in active])
                time.sleep(TICK)
        finally:
            for each in active:
                each.child.terminate()  # all at once, so that they end side by side
            for each in active:
                each.child.stop()

    def _start(self, run: PlannedRun, out: Path, slot: int, cards: Sequence[str]) -> Child:
        env = {"CUDA_VISIBLE_DEVICES": cards[slot % len(cards)]} if len(cards) > 1 else {}
        return Child(run.words(out, self.threads_each, self.device), run.log(out), env, program=self.program)


def _next(pending: list[PlannedRun], active: Sequence[_Active]) -> PlannedRun:
    """Take the next run, if possible one that shares no source model with a run under way: it would wait for it."""
    busy = {(each.run.study.protocol.name, each.run.seed) for each in active}
    free = (run for run in pending if (run.study.protocol.name, run.seed) not in busy)
    chosen = next(free, pending[0])
    pending.remove(chosen)
    return chosen


def _ended(ended: _Active, out: Path) -> Outcome:
    status, child = ended.child.wait(), ended.child
    seconds = time.perf_counter() - ended.begin
    child.stop()
    if ended.run.is_done(out):
        return Outcome(ended.run, "done", seconds, log=child.log)
    if status and ended.run.state(out) == "running":  # another process was faster
        return Outcome(ended.run, "elsewhere", seconds, log=child.log)
    return Outcome(ended.run, "failed", seconds, reason_of(status, child.printed()), child.log)


def graphics_cards() -> list[str]:
    """List the NVIDIA cards that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split()
