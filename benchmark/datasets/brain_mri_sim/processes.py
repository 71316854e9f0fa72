"""Scan patients in several processes: each has one thread, and the bytes do not depend on their number."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
import torch

from ...files.memory import available, cores
from . import anatomy
from .sites import Scanner
from .tissue import Array

MOST = 4
MEMORY = 1 << 29  # bytes that each takes at most

#: A scanner, and the numbers of the patients that it scans.
Block: TypeAlias = tuple[Scanner, list[int]]
Scanned: TypeAlias = tuple[list[dict[str, object]], Array]
Scan: TypeAlias = Callable[[Scanner, list[int]], Scanned]


def suited() -> int:
    """Return how many processes this machine has cores and memory for."""
    free = available()
    return max(1, min(MOST, cores(), MOST if free is None else free // MEMORY))


def scan_blocks(scan: Scan, blocks: Sequence[Block], processes: int) -> Iterator[Scanned]:
    """Scan blocks of patients, and yield the records and patches of each in order.

    Args:
        scan: Scans a block; a function of a module, so that other processes find it.
        blocks: The blocks.
        processes: How many work at a time; 1 is this one.
    """
    if processes < 2:
        yield from (scan(*block) for block in blocks)
        return
    # deferred, and not the standard library's: that one runs the caller's script again in every worker
    from loky import ProcessPoolExecutor

    with (
        TemporaryDirectory(prefix="medshift-") as folder,
        ProcessPoolExecutor(processes, initializer=_start) as pool,
    ):
        pool.submit(_start)  # the processes start, and import what they need, while the maps are made
        path = Path(folder) / "maps.npy"
        np.save(path, anatomy.maps().numpy())  # made once; the processes share the pages of the file
        futures: list[Any] = [pool.submit(_scan_with, path, scan, *block) for block in blocks]
        try:
            for future in futures:
                yield future.result()
        except BaseException:  # an interruption, too: what has not begun would still be scanned
            pool.shutdown(wait=False, kill_workers=True)
            raise


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the first one ends the others
    torch.set_num_threads(1)


def _scan_with(maps: Path, scan: Scan, scanner: Scanner, numbers: list[int]) -> Scanned:
    anatomy.use_maps(maps)
    return scan(scanner, numbers)
