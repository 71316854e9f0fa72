"""Run loops over the rows of images on several threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..pixels import check_pixels

WORTH_A_THREAD = 30_000  # values, below which threads do not pay
MOST_THREADS = 1024  # started one by one on demand


def empty_output(images: Tensor) -> Tensor:
    """Return an uninitialised tensor of the images' shape: contiguous float32 on the CPU, whatever torch's defaults."""
    return torch.empty(images.shape, dtype=torch.float32, device="cpu")


def map_pixels(loop: str, images: Tensor, *arguments: Tensor | float) -> Tensor:
    """Map images through a loop of the module `pointwise`.

    Args:
        loop: The loop's name.
        images: (N, *shape) float32 on the CPU.
        arguments: The loop's other inputs in its order: numbers, and tensors whose first axis is that of the images.

    Raises:
        MedshiftError: Pixels are not in [0, 1].
    """
    out = empty_output(images)
    if False in map_rows(loop, images.contiguous().flatten(1), *arguments, out.flatten(1)):
        check_pixels(images)  # accepts -0.0, which loops report
    return out


def map_rows(loop: str, *arguments: Tensor | float) -> list[object]:
    """Run a loop of the module `pointwise` over the rows of tensors, the last of which it writes."""
    from . import pointwise

    function = getattr(pointwise, loop)
    inputs = [part.numpy() if isinstance(part, Tensor) else np.float32(part) for part in arguments]
    rows = next(part for part in inputs if isinstance(part, np.ndarray))

    def run(first: int, last: int) -> object:
        return function(*(part[first:last] if isinstance(part, np.ndarray) else part for part in inputs))

    return run_threaded(run, len(rows), rows.size)


def run_threaded(task: Callable[[int, int], object], count: int, values: int) -> list[object]:
    """Run task(first, last) over 0..count, one range per torch thread, and return the results in order.

    Args:
        task: Writes to its own range only.
        count: Number of items to divide into ranges.
        values: Number of values in all items; few are processed without threads.
    """
    threads = min(torch.get_num_threads(), count)
    if threads < 2 or values < WORTH_A_THREAD:
        return [task(0, count)]
    edges = [count * i // threads for i in range(threads + 1)]
    inference = torch.is_inference_mode_enabled()  # threads do not inherit the mode

    def in_thread(first: int, last: int) -> object:
        with torch.inference_mode(inference):
            return task(first, last)

    others = [_pool(os.getpid()).submit(in_thread, edges[i], edges[i + 1]) for i in range(1, threads)]
    try:
        result = task(0, edges[1])
    finally:
        wait(others)  # after an error, too, none may still write to memory that is freed
    return [result, *(other.result() for other in others)]


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the thread pool of a process; a forked process inherits no threads."""
    return ThreadPoolExecutor(max_workers=MOST_THREADS, thread_name_prefix="medshift-shift")
