"""The run's end of the pipe: the process of a method, what it is asked and what it tells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from numpy.typing import NDArray

from ....shifts.errors import MachineError, MedshiftError
from . import confine
from .records import training_of, weights_of
from .way import MethodFailed
from .wire import BrokenWire, Message, Taken, Wire, any_arrays, no_arrays

if TYPE_CHECKING:
    from ..access import Access
    from .place import Place

PROGRAM = "medshift.benchmark.cli.processes.method"  # by name: it handles signals as the command line does
GRACE = 30.0  # seconds in which a process that is asked to stop has to save what it has
LONGEST_LINE = 4000  # characters of an error that a method tells


class StoppedThere(KeyboardInterrupt):
    """A signal stopped the method's process, and with it the run.

    Args:
        number: Number of the signal, as the process tells it.
    """

    def __init__(self, number: object) -> None:
        super().__init__()
        known = isinstance(number, int) and number in set(signal.Signals)
        self.number = signal.Signals(cast("int", number)) if known else signal.SIGINT


class MethodProcess:
    """A process for a method; leave it as a context.

    Args:
        place: Where it runs; removed with it.
        access: Its callbacks are called with what the method tells.
        files: Open files that it gets.
    """

    def __init__(self, place: Place, access: Access, files: Sequence[int] = ()) -> None:
        self.access = access
        self.in_use: object = None  # the predictor that answers now
        self._held = ExitStack()
        self._held.callback(place.remove)
        self._there, self._here = str(place.cwd), str(Path.cwd())
        program = [sys.executable, *(["-I"] if sys.flags.isolated else []), "-m", PROGRAM]
        confined = place.confined()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", confine.__file__] if confined else program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=place.environment(),
            cwd=place.cwd,
            pass_fds=files,
            start_new_session=True,  # Ctrl-C reaches it through the run only, and once
        )
        self._held.callback(self._end)
        self._wire = Wire(cast("Any", self._process.stdout), cast("Any", self._process.stdin))
        if confined:
            with suppress(BrokenPipeError):
                self._wire.sink.write(json.dumps({**confined, "program": program}).encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._stop(error)
        self.close()

    def close(self) -> None:
        """End the process: close its input, at which it ends, wait for it, and kill it if it takes too long."""
        self._held.close()

    @property
    def has_ended(self) -> bool:
        """Whether it does not run any more."""
        return self._process.poll() is not None

    def ask(
        self,
        expected: Sequence[str],
        kind: str,
        arrays: Sequence[NDArray[Any]] = (),
        taken: Taken = no_arrays,
        **named: object,
    ) -> Message:
        """Send a request and wait for the answer; what the method reports meanwhile goes to the access's callbacks.

        Args:
            expected: Kinds of answers.
            kind: What is asked.
            arrays: What goes with it.
            taken: Which arrays an answer may bring.
            named: Fields of the request.

        Raises:
            MedshiftError: The method refused, or its process has ended.
            MethodFailed: The method raised another exception.
        """
        with suppress(BrokenPipeError):  # the answer, or its lack, says why
            self._wire.send(kind, arrays, **named)
        while True:
            try:
                message = self._wire.receive(taken)
            except BrokenWire as error:
                self._process.kill()
                why = "does it write to files that are not its own?"
                raise MedshiftError(f"the method's process sent {one_line(error)}: {why}") from None
            if message is None:
                raise self._ended()
            if message.kind in expected:
                return message
            self._told(message)

    def _told(self, message: Message) -> None:
        given = message.fields
        if message.kind == "line":
            self.access.report(one_line(given.get("text")))
        elif message.kind == "trained":
            self.access.trained(training_of(given.get("record")))
        elif message.kind == "starts from":
            self.access.starts_from(weights_of(given.get("record")))
        elif message.kind == "error":
            kind = MachineError if given.get("machine") is True else MedshiftError
            raise kind(self._as_here(one_line(given.get("line"))))
        elif message.kind == "failed":
            raise MethodFailed(self._as_here(str(given.get("traceback"))))
        elif message.kind == "stopped":
            raise _noted(StoppedThere(given.get("number")), given)
        else:
            raise MedshiftError(f"the method's process sent {one_line(message.kind)!r}, which was not asked for")

    def _as_here(self, text: str) -> str:
        """Name files of the current folder as the user does, not by the links over there."""
        return text.replace(self._there, self._here)

    def _stop(self, stop: KeyboardInterrupt) -> None:
        """Ask the process to stop, and note what it has kept."""
        if self.has_ended:
            return
        self._process.terminate()
        with suppress(MedshiftError, OSError, subprocess.TimeoutExpired):
            while (message := self._wire.receive(any_arrays)) is not None:
                if message.kind == "stopped":
                    _noted(stop, message.fields)
            self._process.wait(GRACE)

    def _end(self) -> None:
        """Close the pipes, which says that no request follows, and wait."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ended(self) -> MedshiftError:
        """Return what says how the process has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        status = self._process.returncode
        if status is not None and status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
            why = ", most likely because memory ran out" if name == "SIGKILL" else ""
            return MachineError(f"the method's process was ended by {name}{why}")
        return MedshiftError(f"the method's process has ended with status {status}: a method must not exit")


def one_line(told: object) -> str:
    """Return what a method tells as one line of printable characters."""
    return "".join(each if each.isprintable() else " " for each in str(told)[:LONGEST_LINE])


def _noted(stop: KeyboardInterrupt, told: Mapping[str, Any]) -> KeyboardInterrupt:
    notes = told.get("notes")
    for note in notes[:9] if isinstance(notes, list) else []:
        stop.add_note(one_line(note))
    return stop
