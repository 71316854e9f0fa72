"""Signs of life where the output is not a terminal: what a bar shows there, as a line every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..files.wording import duration

if TYPE_CHECKING:
    from rich.console import Console

SOON = 2.0  # seconds to the first line
FIRST, LONGEST = 5.0, 60.0  # seconds between lines, at first and in the end
SHARE = 1 / 60  # of the time so far: a log of hours is not to be a log of seconds


@contextmanager
def heartbeat(screen: Console, describe: Callable[[], str], first: float = FIRST) -> Iterator[None]:
    """Print what is going on, and for how long, every few seconds; nothing on a terminal, which has a bar for it.

    Args:
        screen: Where the lines go.
        describe: Called in another thread; returns what is going on, or nothing if there is nothing to tell.
        first: Seconds between lines at first; they become rarer, up to a line a minute.
    """
    if screen.file.isatty():
        yield
        return
    over, begin = threading.Event(), time.monotonic()

    def beat() -> None:
        pause = min(SOON, first)
        while not over.wait(pause):
            pause = max(first, min(LONGEST, (time.monotonic() - begin) * SHARE))
            text = describe()
            if text:
                with suppress(OSError, ValueError):  # a log on a full disk, or closed: work goes on
                    line = f"{text} ({duration(time.monotonic() - begin)})"
                    screen.print(line, style="dim", markup=False, soft_wrap=True)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
