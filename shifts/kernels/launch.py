"""Loops over the rows of images, shared out to threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..pixels import check_pixels

WORTH_A_THREAD = 30_000  # values
MOST_THREADS = 1024  # started one by one, as they are wanted


def empty_output(images: Tensor) -> Tensor:
    """Returns a tensor of the images' shape to write to: contiguous float32, whatever the defaults are."""
    return torch.empty(images.shape, dtype=torch.float32, device="cpu")


def map_pixels(loop: str, images: Tensor, *arguments: Tensor | float) -> Tensor:
    """Returns what a loop of the module `pointwise` makes of the images.

    Args:
        loop: Its name.
        images: (N, *shape) float32 on the CPU.
        arguments: In its order: numbers, and tensors whose first axis is that of the images.

    Raises:
        MedshiftError: The loop saw pixels that are not from 0 to 1.
    """
    out = empty_output(images)
    if False in map_rows(loop, images.contiguous().flatten(1), *arguments, out.flatten(1)):
        check_pixels(images)  # it takes -0.0, too
    return out


def map_rows(loop: str, *arguments: Tensor | float) -> list[object]:
    """Runs a loop of the module `pointwise` over the rows of tensors, of which it writes the last."""
    from . import pointwise

    function = getattr(pointwise, loop)
    given = [part.numpy() if isinstance(part, Tensor) else np.float32(part) for part in arguments]
    rows = next(part for part in given if isinstance(part, np.ndarray))

    def run(first: int, last: int) -> object:
        return function(*(part[first:last] if isinstance(part, np.ndarray) else part for part in given))

    return run_threaded(run, len(rows), rows.size)


def run_threaded(task: Callable[[int, int], object], count: int, values: int) -> list[object]:
    """Runs task(first, last) over 0..count, in one stretch for each of torch's threads; returns what they return.

    Args:
        task: Works on its own stretch and on nothing else.
        count: How many there are of what a stretch is made of.
        values: How many values the whole is; few are not worth a thread.
    """
    threads = min(torch.get_num_threads(), count)
    if threads < 2 or values < WORTH_A_THREAD:
        return [task(0, count)]
    edges = [count * i // threads for i in range(threads + 1)]
    inference = torch.is_inference_mode_enabled()  # a thread has a mode of its own

    def stretch(first: int, last: int) -> object:
        with torch.inference_mode(inference):
            return task(first, last)

    others = [_pool(os.getpid()).submit(stretch, edges[i], edges[i + 1]) for i in range(1, threads)]
    try:
        mine = task(0, edges[1])
    finally:
        wait(others)  # nobody writes to what has been given up
    return [mine, *(other.result() for other in others)]


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Returns the threads of a process: a forked one inherits none."""
    return ThreadPoolExecutor(max_workers=MOST_THREADS, thread_name_prefix="medshift-shift")
