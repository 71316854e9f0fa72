"""The process in which a method fits and predicts: `python -m medshift.benchmark.cli.processes.method`."""

from __future__ import annotations

import os
import sys

from .. import interrupts
from ..explain import explain


def main() -> None:
    """Answer the requests that come on standard input, on what was standard output.

    What the method prints goes to standard error, so that it cannot get into the answers.
    """
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with interrupts.handled(silently=True):  # the run that stops it, or is told that it stopped, says so
        from ...contract.apart.served import serve
        from ...contract.apart.wire import Wire
        from ...runs.environment import prepare

        serve(Wire(source, sink), prepare, explain)


if __name__ == "__main__":
    main()
