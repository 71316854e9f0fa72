"""One run of a sweep as a process of its own, which ends when the process that started it does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from .outcome import TAIL

#: Runs `medshift` with the words that follow, until its standard input ends.
PROGRAM = (sys.executable, "-m", "medshift.benchmark.cli.commands.sweep.child")
TICK = 0.5  # seconds


class Child:
    """A process that makes a run and prints into a log.

    It has a session of its own, so that Ctrl-C reaches it through `stop` only, and once.

    Args:
        words: The command, after `medshift`.
        log: The file of what it prints; appended to.
        env: Environment variables to set.
        cwd: Working directory; the current one by default.
        program: What runs the words.
    """

    def __init__(
        self,
        words: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._output = log.open("ab")
        self._begin = self._output.tell()
        self._process = subprocess.Popen(
            [*program, *words],
            stdin=subprocess.PIPE,  # its end tells the child that this process is gone
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        while True:  # Ray interrupts a task between two of its steps, and not a wait without end
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(TICK)

    def printed(self) -> bytes:
        """Return the end of what this process has printed."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._begin, size - TAIL))
            return file.read()

    def terminate(self) -> None:
        """Ask the process to end, as a scheduler does; it saves what it has."""
        if self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End the process and wait for it; a second interruption kills it."""
        self.terminate()
        try:
            self._process.wait()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._output.close()
