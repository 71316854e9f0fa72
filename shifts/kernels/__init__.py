"""Loops compiled by Numba, for the processor; each gives the same bytes as the tensor code that calls it.

The tensor code is what a shift means, and runs anywhere; where Numba is not there, or an image lies on a GPU, nothing
but time is lost. A compiled loop reads and writes memory once where a chain of tensor operations does so for each.
No loop may round otherwise than its original: no fast-math, the same order wherever a sum is not exact. (Normal draws
are the one exception: they are those that torch makes on processors with AVX2, on every processor.)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..pixels import check_pixels

WORTH_A_THREAD = 30_000  # values
MOST_THREADS = 1024  # started one by one, as they are wanted

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Words: TypeAlias = npt.NDArray[np.uint32]
Whole: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
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
    return _compiled(function, fastmath=False)  # said, or it is that of the first loop that has this one in it


def unrounded(function: Function) -> Function:
    """As `compiled`, for loops in which no product and no sum is ever rounded: the two may be joined."""
    return _compiled(function, fastmath={"contract"})


def _compiled(function: Function, **more: object) -> Function:
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", **more}
    folder, numba.config.CACHE_DIR = numba.config.CACHE_DIR, _folder(numba.config.CACHE_DIR)
    try:
        loop = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder that can be written
        return cast("Function", numba.njit(**options)(function))
    finally:
        numba.config.CACHE_DIR = folder
    keep = loop._cache.save_overload

    def keep_if_possible(*code: object) -> None:
        with suppress(OSError):  # a full disk costs the next process the compilation, not this one its shift
            keep(*code)

    loop._cache.save_overload = keep_if_possible
    return cast("Function", loop)


@lru_cache(maxsize=2)
def _folder(chosen: str) -> str:
    """Returns where compiled code is kept: a folder for these very sources, since loops are compiled into each other.

    (Numba itself looks at the file of the outermost loop alone.)
    """
    here = Path(__file__).parent
    digest = sha256()
    for path in sorted(here.glob("*.py")):
        digest.update(path.read_bytes())
    return str(Path(chosen or here / "__pycache__") / f"loops-{digest.hexdigest()[:16]}")


def room_for(images: Tensor) -> Tensor:
    """Returns a tensor of the images' shape to write to: contiguous float32, whatever the defaults are."""
    return torch.empty(images.shape, dtype=torch.float32, device="cpu")


def changed(loop: str, images: Tensor, *arguments: Tensor | float) -> Tensor:
    """Returns what a loop of the module `pointwise` makes of the images.

    Args:
        loop: Its name.
        images: (N, *shape) float32 on the CPU.
        arguments: In its order: numbers, and tensors whose first axis is that of the images.

    Raises:
        MedshiftError: The loop saw pixels that are not from 0 to 1.
    """
    out = room_for(images)
    if False in in_rows(loop, images.contiguous().flatten(1), *arguments, out.flatten(1)):
        check_pixels(images)  # it takes -0.0, too
    return out


def in_rows(loop: str, *arguments: Tensor | float) -> list[object]:
    """Runs a loop of the module `pointwise` over the rows of tensors, of which it writes the last."""
    from . import pointwise

    function = getattr(pointwise, loop)
    given = [part.numpy() if isinstance(part, Tensor) else np.float32(part) for part in arguments]
    rows = next(part for part in given if isinstance(part, np.ndarray))

    def run(first: int, last: int) -> object:
        return function(*(part[first:last] if isinstance(part, np.ndarray) else part for part in given))

    return spread(run, len(rows), rows.size)


def spread(task: Callable[[int, int], object], count: int, values: int) -> list[object]:
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
