"""How a loop is compiled by Numba, and where the compiled code is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
from torch import Tensor

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


def compiled_exact(function: Function) -> Function:
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
