"""What becomes of the runs of a sweep, and how a sweep reports while it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .planned import PlannedRun

TAIL = 1 << 16  # bytes of a log that are looked at
LONGEST = 400  # characters of a reason


@dataclass(frozen=True)
class Outcome:
    """The end of one run.

    Args:
        run: The run.
        status: `done`, `failed`, or `elsewhere` if another process is making the submission.
        seconds: Wall time; 0 if it was done before.
        reason: Why it failed.
        log: What it printed; None if it printed nothing here.
    """

    run: PlannedRun
    status: Literal["done", "failed", "elsewhere"]
    seconds: float = 0.0
    reason: str = ""
    log: Path | None = None


@dataclass(frozen=True)
class SweepResult:
    """The end of a sweep.

    Args:
        out: Folder of submissions.
        outcomes: One per run, in the order of the plan.
    """

    out: Path
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Runs that failed; each only itself."""
        return tuple(each for each in self.outcomes if each.status == "failed")

    @property
    def elsewhere(self) -> tuple[Outcome, ...]:
        """Runs that other processes are making."""
        return tuple(each for each in self.outcomes if each.status == "elsewhere")

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders of the finished submissions."""
        return tuple(each.run.folder(self.out) for each in self.outcomes if each.status == "done")


@dataclass(frozen=True)
class SweepProgress:
    """Progress callbacks of a sweep.

    Args:
        line: Called with a line of text.
        ended: Called with every outcome, as it comes, and how many of how many there are.
        tick: Called several times a second with the runs under way.
    """

    line: Callable[[str], None] = lambda text: None
    ended: Callable[[Outcome, int, int], None] = lambda outcome, count, total: None
    tick: Callable[[Sequence[PlannedRun]], None] = lambda runs: None


def last_line(log: Path) -> str:
    """Return the last line of a log that is being written; empty where there is none."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:LONGEST] for line in reversed(lines) if line.strip()), "")


def reason_of(status: int, text: bytes) -> str:
    """Return why a run failed: the line in which it ended, or the signal that killed it.

    Args:
        status: Exit status as `subprocess` gives it: negative for a signal.
        text: The end of what it printed.
    """
    lines = [line.strip() for line in text[-TAIL:].decode("utf-8", "replace").splitlines() if line.strip()]
    if status == -9:
        return "killed by SIGKILL, most likely because memory ran out: use fewer workers"
    own = [line.removeprefix("medshift: ") for line in lines if line.startswith("medshift: ")]
    last = own[-1] if own else lines[-1] if lines else "it printed nothing"
    if status < 0:
        last = f"killed by signal {-status}; its last line: {last}"
    return last[:LONGEST]
