"""Run a reader in a child process that the operating system bounds; a child serves many files, one after the other.

A file that takes too much, or crashes its reader, costs that child and one line; the next file gets a new one. Children
are started when they are needed and kept: starting one takes about 0.2 s.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from ....shifts.errors import MedshiftError
from ..wording import one_line
from .limits import Limits
from .wire import Malformed, Oversized, receive_answer, send_request

Item = TypeVar("Item")
KEPT = 2  # idle children
PRIVATE = ("TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "API_KEY", "ACCESS_KEY")  # in names of variables
LONGEST_LINE = 500  # characters of what a reader says is wrong
# single threads: each one more reserves memory, and the limits are for one file
SETTINGS = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def without_secrets(variables: Mapping[str, str], but: Collection[str] = ()) -> dict[str, str]:
    """Return the variables that a process of code or files from elsewhere is given: none that names a secret.

    Args:
        variables: By name.
        but: Names that are kept nevertheless.
    """
    return {k: v for k, v in variables.items() if k in but or not any(word in k.upper() for word in PRIVATE)}


class ReadingError(MedshiftError):
    """A file that cannot be read.

    Args:
        text: What is wrong, one line without the file's name.
        kind: Name of the exception that the reader raised; `memory`, `time`, `output` or `crash` if a limit was met.
    """

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind

    @property
    def exceeds(self) -> bool:
        """Whether the reader was stopped by a limit or died, rather than say what is wrong."""
        return self.kind in ("memory", "time", "output", "crash")


class Refused(MedshiftError):
    """A file that its reader refuses in words for the user."""


class _Child:
    """A process that reads; see `server`."""

    def __init__(self) -> None:
        path = os.pathsep.join(each or os.getcwd() for each in sys.path)  # noqa: PTH109
        kept = without_secrets(os.environ)
        command = [sys.executable, "-P", "-m", "medshift.benchmark.files.bounded.server"]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**kept, **SETTINGS, "PYTHONPATH": path},
            )
        except OSError as error:
            raise MedshiftError(f"no process can be started that reads files: {error.strerror or error}") from error
        self.owner = os.getpid()
        self.late = False

    def ask(self, task: Callable[[Any], object], items: Sequence[object], limits: Limits) -> None:
        """Send a request."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has gone: the answer says so
            send_request(self.process.stdin, (task, items, limits, _folder()))

    def answer(self, limits: Limits) -> tuple[str, Any]:
        """Read an answer, or find why there is none; a child that took too long is ended."""
        assert self.process.stdout is not None
        timer = threading.Timer(limits.wait, self._end_late)
        timer.daemon = True
        timer.start()
        try:
            return receive_answer(self.process.stdout, limits.output)
        except Oversized:
            return "output", None
        except (EOFError, Malformed):
            self.stop()
            return self._cause(), None
        finally:
            timer.cancel()

    def stop(self) -> None:
        """End the process."""
        with suppress(OSError):
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                assert stream is not None
                stream.close()
        self.process.wait()

    def _end_late(self) -> None:
        self.late = True
        with suppress(OSError):
            self.process.kill()

    def _cause(self) -> str:
        if self.late or -self.process.returncode == getattr(signal, "SIGXCPU", 0):
            return "time"
        return "crash"


def _folder() -> str:
    """Return the current folder, from which paths count; empty if it is gone."""
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109
    return ""


_idle: list[_Child] = []
_lock = threading.Lock()


def call(task: Callable[[Item], object], item: Item, limits: Limits) -> Any:  # noqa: ANN401
    """Run a reader on one file in a child, and return what it returns, made of plain types and arrays.

    Args:
        task: A function of a module, or an object that can be pickled.
        item: Its argument.
        limits: What it may take.

    Raises:
        Refused: The reader raised MedshiftError; its text.
        ReadingError: It raised anything else, or was stopped by a limit.
    """
    (found,) = each(task, [item], limits)
    if isinstance(found, MedshiftError):
        raise found
    return found


def each(task: Callable[[Item], object], items: Sequence[Item], limits: Limits) -> Iterator[Any]:
    """Run a reader on many files, and yield for each what it returns, or the error that `call` would raise.

    Args:
        task: As for `call`; it keeps its state from file to file, unless one costs the child.
        items: Its arguments.
        limits: What it may take for each.
    """
    done = 0
    while done < len(items):
        child = _taken()
        whole = False
        try:
            child.ask(task, items[done:], limits)
            while True:
                kind, value = child.answer(limits)
                if kind == "end":
                    whole = value is False  # it stays
                    break
                done += 1
                yield value if kind == "value" else _error(kind, value, limits)
                if kind not in ("value", "error", "refused"):
                    break
        finally:
            _give_back(child, whole=whole)


def _error(kind: str, value: object, limits: Limits) -> MedshiftError:
    if kind in ("memory", "time", "output"):
        return ReadingError(limits.told(kind), kind)
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(each, str) for each in value)):
        return ReadingError("crashes its reader: the file is damaged, or made to do harm", "crash")
    name, text = value
    line = one_line("".join(c if c.isprintable() or c == "\n" else "?" for c in text)) or name
    line = line[:LONGEST_LINE]
    return Refused(line) if kind == "refused" else ReadingError(line, name[:80])


def _taken() -> _Child:
    """Take an idle child, or start one; one of the process that this one was forked from belongs to that one."""
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.owner == os.getpid() and child.process.poll() is None:
                return child
    return _Child()


def _give_back(child: _Child, *, whole: bool) -> None:
    with _lock:
        if whole and len(_idle) < KEPT:
            _idle.append(child)
            return
    child.stop()


@atexit.register
def stop_all() -> None:
    """End all idle children; they also end when this process does."""
    while _idle:
        child = _idle.pop()
        if child.owner == os.getpid():
            child.stop()
