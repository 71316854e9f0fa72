"""Signals that stop a command: Ctrl-C, and what schedulers send before they kill.

Every command is left by the same exception, so that temporary files are removed and locks are released on the way. What
is kept stands in the exception's notes (`add_note`), and the message is printed once, by `handled`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

#: The operating system may lack some. SLURM, submitit and others send a user signal before the time limit.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")


class Stopped(KeyboardInterrupt):
    """A signal asked to stop, as Ctrl-C does.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def handled(*, silently: bool = False) -> Iterator[None]:
    """End the block, and the process, with one line and status 128 + n when signal n arrives.

    Args:
        silently: Say nothing: the process that started this one does.
    """
    before = handle_signals()
    try:
        yield
    except KeyboardInterrupt as stop:
        end(stop, silently=silently)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def handle_signals() -> dict[int, object]:
    """Turn the signals that stop a process into `Stopped`; return the handlers that were there before.

    A signal that is ignored stays so: `nohup` ignores SIGHUP, and a shell's background jobs ignore Ctrl-C.
    """
    before: dict[int, object] = {}
    if threading.current_thread() is not threading.main_thread():
        return before  # only the main thread may set handlers
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            before[number] = signal.signal(number, _stop)
    return before


def end(stop: KeyboardInterrupt, *, silently: bool = False) -> NoReturn:
    """Say in one line what stopped the command and what is kept, unless another process does, and exit."""
    number = getattr(stop, "number", signal.SIGINT)
    by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
    kept = "; ".join(getattr(stop, "__notes__", []))
    if not silently:
        print(f"medshift: stopped{by}{': ' if kept else ''}{kept}", file=sys.stderr)
    sys.exit(128 + number)


@contextmanager
def noting(kept: str) -> Iterator[None]:
    """Add what is kept to the message of an interruption within the block."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(kept)
        raise


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(number)
