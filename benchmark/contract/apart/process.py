"""The run's end of the pipe: a method's process that fits, and a predictor that stands for the one over there."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.home import models
from .. import user_class
from ..registry import Baseline
from . import confine
from .failure import MethodFailed
from .granting import Packer
from .place import Place
from .records import training_of, weights_of
from .remote import one_line, remote
from .wire import BrokenWire, Message, Taken, Wire, any_arrays, no_arrays

if TYPE_CHECKING:
    from ..access import Access
    from ..predictor import Predictor

PROGRAM = "medshift.benchmark.cli.processes.method"  # by name: it handles signals as the command line does
GRACE = 30.0  # seconds in which a process that is asked to stop has to save what it has


@dataclass(frozen=True)
class Terms:
    """What the processes of a method have in common.

    Args:
        name: Name of the baseline, or `my_module:MyBaseline`.
        threads: CPU threads.
        hidden: Folders that they are not to read.
        each: Whether every copy of the predictor gets a process of its own, which fits again.
    """

    name: str
    threads: int
    hidden: tuple[Path, ...] = ()
    each: bool = False


class MethodProcess:
    """A method in a process of its own; leave it as a context.

    Args:
        terms: What runs there.
        weights: Folder of trained networks; medshift's by default.
    """

    def __init__(self, terms: Terms, weights: Path | None = None) -> None:
        self.terms = terms
        self._weights = weights
        self._held = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._access: Access | None = None
        self.classes = 0
        self.copies = 0  # the last one is in use
        self.current = self._held.enter_context(ExitStack())  # where every copy has a process: that of the last

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._stop(error)
        self._held.close()

    def fit(self, baseline: Baseline, access: Access) -> Predictor:
        """Fit a baseline over there on what it is granted; the callbacks of the access are called here."""
        settings = {field.name: getattr(baseline, field.name) for field in fields(cast("Any", baseline)) if field.init}
        if self._process is None or self._process.poll() is not None:  # killed in a draw before, say
            self._access, self.classes = access, len(access.classes)
            self._start(access, settings)
        answer = self.ask(("fitted",), "fit", name=self.terms.name, settings=settings)
        self.copies += 1  # those of another fit are used up
        made = _Afresh(self, baseline, access) if self.terms.each else remote(self, answer)
        return cast("Predictor", made)

    def ask(
        self,
        expected: Sequence[str],
        kind: str,
        arrays: Sequence[NDArray[Any]] = (),
        taken: Taken = no_arrays,
        **named: object,
    ) -> Message:
        """Ask for something, and wait for the answer; what is told meanwhile goes to the callbacks of the access.

        Raises:
            MedshiftError: The method refused, or its process has ended.
            MethodFailed: The method raised another exception.
        """
        with suppress(BrokenPipeError):  # the answer, or its lack, says why
            self._wire.send(kind, arrays, **named)
        while True:
            message = self._receive(taken)
            if message.kind in expected:
                return message
            self._told(message)

    def _told(self, message: Message) -> None:
        assert self._access is not None
        given = message.fields
        if message.kind == "line":
            self._access.report(one_line(given.get("text")))
        elif message.kind == "trained":
            self._access.trained(training_of(given.get("record")))
        elif message.kind == "starts from":
            self._access.starts_from(weights_of(given.get("record")))
        elif message.kind == "error":
            raise MedshiftError(one_line(given.get("line")))
        elif message.kind == "failed":
            raise MethodFailed(str(given.get("traceback")))
        elif message.kind == "stopped":
            raise _noted(KeyboardInterrupt(), given)
        else:
            raise MedshiftError(f"the method's process sent {one_line(message.kind)!r}, which was not asked for")

    def _receive(self, taken: Taken) -> Message:
        try:
            message = self._wire.receive(taken)
        except BrokenWire as error:
            raise MedshiftError(
                f"the method's process sent {error}: does it write to files that are not its own?"
            ) from None
        if message is None:
            raise MedshiftError(self._ended())
        return message

    def _start(self, access: Access, settings: Mapping[str, object]) -> None:
        here = user_class.is_spec(self.terms.name) or any(map(_names_a_file, settings.values()))
        place = Place(self.terms.hidden, here=here, weights=self._weights)
        self._held.callback(place.remove)
        packer = Packer()
        self._held.callback(packer.close)
        described = packer.access(access)
        program = [sys.executable, *(["-I"] if sys.flags.isolated else []), "-m", PROGRAM]
        confined = place.confined()
        first = [sys.executable, "-I", "-S", confine.__file__] if confined else program
        self._process = subprocess.Popen(
            first,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=place.environment(),
            cwd=place.cwd,
            pass_fds=packer.files,
            start_new_session=True,  # Ctrl-C reaches it through the run only, and once
        )
        self._held.callback(self._end)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._wire = Wire(cast("Any", self._process.stdout), cast("Any", self._process.stdin))
        if confined:
            self._wire.sink.write(json.dumps({**confined, "program": program}).encode() + b"\n")
        self.ask(("begun",), "begin", packer.arrays, access=described, threads=self.terms.threads)
        packer.close()

    def _stop(self, stop: KeyboardInterrupt) -> None:
        """Ask the process to stop, and note what it has kept."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        with suppress(MedshiftError, OSError, subprocess.TimeoutExpired):
            while (message := self._wire.receive(any_arrays)) is not None:
                if message.kind == "stopped":
                    _noted(stop, message.fields)
            self._process.wait(GRACE)

    def _end(self) -> None:
        """End the process: it stops when there are no more requests."""
        assert self._process is not None
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ended(self) -> str:
        """Say how the process has ended."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        status = self._process.returncode
        if status is not None and status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
            why = ", most likely because memory ran out" if name == "SIGKILL" else ""
            return f"the method's process was ended by {name}{why}; --in-process runs the method in medshift's own"
        return f"the method's process has ended with status {status}: a method must not exit"


class _Afresh:
    """A predictor of which every copy is fitted in a process of its own: no state has a way from one to another.

    Trained networks are loaded from a copy of the folder that holds them, which only that process sees.
    """

    def __init__(self, first: MethodProcess, baseline: Baseline, access: Access) -> None:
        self.first, self.baseline = first, baseline
        self.access = replace(
            access, report=lambda line: None, trained=lambda record: None, starts_from=lambda record: None
        )

    def __deepcopy__(self, memo: dict[int, object]) -> Predictor:
        held = self.first.current
        held.close()  # the process of the copy before
        weights = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="medshift-weights-"))) / "models"
        if models().is_dir():
            shutil.copytree(models(), weights, ignore=shutil.ignore_patterns(".*", "*.lock"))
        process = held.enter_context(MethodProcess(replace(self.first.terms, each=False), weights))
        return copy.deepcopy(process.fit(self.baseline, self.access))


def _names_a_file(setting: object) -> bool:
    """Return whether a hyper-parameter names what lies in the current folder: `weights.pt`, `local-dir:mine`."""
    name = setting.rpartition(":")[2] if isinstance(setting, str) else ""
    return bool(name) and len(name) < 1000 and not Path(name).is_absolute() and os.path.lexists(name)


def _noted(stop: KeyboardInterrupt, told: Mapping[str, Any]) -> KeyboardInterrupt:
    notes = told.get("notes")
    for note in notes[:9] if isinstance(notes, list) else []:
        stop.add_note(one_line(note))
    return stop
