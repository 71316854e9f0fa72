"""Loops compiled by Numba, for the processor; each gives the same bytes as the tensor code that calls it.

The tensor code is what a shift means, and runs anywhere; where Numba is not there, or an image lies on a GPU, nothing
but time is lost. A compiled loop reads and writes memory once where a chain of tensor operations does so for each.
No loop may round otherwise than its original: no fast-math, the same order wherever a sum is not exact.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

WORTH_A_THREAD = 30_000  # values

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Words: TypeAlias = npt.NDArray[np.uint32]
Function = TypeVar("Function", bound=Callable[..., Any])


def usable(images: Tensor) -> bool:
    """Tells whether compiled loops can take this tensor. Numba's own NUMBA_DISABLE_JIT=1 switches them off."""
    return images.device.type == "cpu" and _numba_works()


@lru_cache(maxsize=1)
def _numba_works() -> bool:
    try:
        import numba
    except ImportError:  # not installed, or it does not know this NumPy or Python yet
        return False
    return not numba.config.DISABLE_JIT


def compiled(function: Function) -> Function:
    """Returns a loop compiled at its first call, without the interpreter's lock, and kept on disk where that can be."""
    import numba

    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast("Function", numba.njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder that can be written
        return cast("Function", numba.njit(**options)(function))


def spread(task: Callable[[int, int], object], count: int, values: int) -> None:
    """Runs task(first, last) over 0..count, in one stretch for each of torch's threads.

    Args:
        task: Works on its own stretch and on nothing else.
        count: How many there are of what a stretch is made of.
        values: How many values the whole is; few are not worth a thread.
    """
    threads = min(torch.get_num_threads(), count)
    if threads < 2 or values < WORTH_A_THREAD:
        task(0, count)
        return
    edges = [count * i // threads for i in range(threads + 1)]
    others = [_pool(os.getpid()).submit(task, edges[i], edges[i + 1]) for i in range(1, threads)]
    task(0, edges[1])
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Returns the threads of a process: a forked one inherits none."""
    return ThreadPoolExecutor(thread_name_prefix="medshift-shift")
