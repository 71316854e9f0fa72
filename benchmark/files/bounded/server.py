"""The child process: reads one file after the other, each within its limits, until its parent has gone."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any

from ....shifts.errors import MedshiftError
from .limits import MIB, Limits, bound_next, bound_process, sizes
from .wire import receive_request, send_answer

LONGEST_TEXT = 2000  # characters of an error
GROWN = 256 * MIB  # bytes of memory that are not given back, after which the process is replaced


def main() -> None:
    """Serve requests on standard input; what libraries print goes nowhere."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the parent ends this one
    warnings.simplefilter("ignore")
    bound_process()
    _, start = sizes()
    while True:
        try:
            task, items, limits, folder = receive_request(requests)
        except EOFError:
            return
        with suppress(OSError):  # of the parent, which may have gone elsewhere since
            os.chdir(folder or "/")
        _serve(answers, task, items, limits)
        leaves = sizes()[1] > start + GROWN
        send_answer(answers, "end", leaves)
        if leaves:
            return


def _serve(answers: IO[bytes], task: Callable[[Any], object], items: Sequence[object], limits: Limits) -> None:
    for item in items:
        bound_next(limits)
        try:
            send_answer(answers, "value", task(item))
        except MemoryError:
            send_answer(answers, "memory", None)
            sys.exit(1)  # what is left of the memory is in pieces
        except BrokenPipeError:
            sys.exit(1)
        except Exception as error:  # a decoder of hostile bytes may raise anything
            # in a compromised process, words are as untrusted as numbers: the parent holds them to one line
            kind = "refused" if isinstance(error, MedshiftError) else "error"
            send_answer(answers, kind, [type(error).__name__, str(error)[:LONGEST_TEXT]])


if __name__ == "__main__":
    main()
