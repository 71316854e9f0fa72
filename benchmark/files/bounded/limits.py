"""What the reader of a file may take: memory, processor time, output. The operating system holds it to that."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from ..wording import byte_size

MIB = 1 << 20
PAGE_TABLE = Path("/proc/self/statm")  # Linux: sizes of this process, in pages
MARGIN = 4 << 30  # bytes of addresses beyond the memory: libraries and stacks of threads reserve more than they take
UNKNOWN = 1 << 30  # bytes of interpreter and libraries, where the system does not say
OPEN_FILES = 64
WAIT, WAIT_FACTOR = 60.0, 10.0  # seconds on the clock, plus a multiple of those of the processor: others work, too


@dataclass(frozen=True)
class Limits:
    """Bounds for reading one file.

    Args:
        memory: Bytes that its reader may take, beyond those of the interpreter and its libraries.
        seconds: Processor time.
        output: Bytes that it may hand back.
        written: Bytes that it may write to one file; by default it may write none.
    """

    memory: int
    seconds: float
    output: int
    written: int = 0

    @property
    def wait(self) -> float:
        """Seconds on the clock after which the reader is ended."""
        return WAIT + WAIT_FACTOR * self.seconds

    def told(self, what: str) -> str:
        """Say what was exceeded: `memory`, `time` or `output`."""
        if what == "time":
            return f"takes more than {self.seconds:.0f} s to read"
        bound = self.memory if what == "memory" else self.output
        return f"needs more than {byte_size(bound)} of memory to read"


def bound_process() -> None:
    """Bound what holds for all files: no dump of memory after a crash, and few open files."""
    try:
        import resource
    except ImportError:  # Windows: what the parent measures is all there is
        return
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)


def bound_next(limits: Limits) -> None:
    """Bound what this process may take from now on, for the next file."""
    try:
        import resource
    except ImportError:
        return
    addresses, data = sizes()
    known = data > 0
    with nullcontext() if known else suppress(ValueError, OSError):  # elsewhere than on Linux, as far as it goes
        _lower(resource.RLIMIT_DATA, (data or UNKNOWN) + limits.memory)  # Linux counts all private memory by it
        _lower(resource.RLIMIT_AS, (addresses or UNKNOWN) + limits.memory + MARGIN)
    _lower(resource.RLIMIT_CPU, math.ceil(time.process_time() + limits.seconds))
    _lower(resource.RLIMIT_FSIZE, limits.written)


def sizes() -> tuple[int, int]:
    """Return the bytes of this process's addresses and of its private memory; 0 where unknown."""
    try:
        pages = [int(word) for word in PAGE_TABLE.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return 0, 0
    import resource

    return pages[0] * resource.getpagesize(), pages[5] * resource.getpagesize()


def _lower(kind: int, most: int) -> None:
    """Set a soft limit, within the hard one, which stays: the next file may need more."""
    import resource

    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
