"""The process of one run of a sweep: `python -m medshift.benchmark.cli.commands.sweep.child run --baseline ...`.

It is `medshift`, and ends as by SIGTERM when the process that started it is gone, however that ended: a killed sweep or
a lost worker of a cluster leaves no unseen process that still runs and holds a lock.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from threading import Thread


def _watch() -> None:
    """End this process when its standard input ends, which its parent keeps open."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Watch the parent and run the command line."""
    Thread(target=_watch, daemon=True).start()
    runpy.run_module("medshift.benchmark.cli", run_name="__main__")


if __name__ == "__main__":
    main()
