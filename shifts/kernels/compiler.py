"""Compile loops by Numba and cache the compiled code on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Words: TypeAlias = npt.NDArray[np.uint32]
Whole: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Function = TypeVar("Function", bound=Callable[..., Any])


def usable(images: Tensor) -> bool:
    """Return whether compiled loops can process this tensor."""
    return images.device.type == "cpu" and numba_works()


@lru_cache(maxsize=1)
def numba_works() -> bool:
    """Return whether loops can be compiled. NUMBA_DISABLE_JIT=1 switches it off."""
    try:
        import numba
    except ImportError:  # not installed, or it does not support this NumPy or Python yet
        return False
    return not numba.config.DISABLE_JIT


def compiled(function: Function) -> Function:
    """Compile a loop at its first call, to run without the GIL; the code is cached on disk where possible."""
    return _compiled(function, fastmath=False)  # explicit, or it is inherited from the first loop that calls this one


def compiled_exact(function: Function) -> Function:
    """Compile as `compiled` does a loop whose products and sums are never rounded, so that they may be fused."""
    return _compiled(function, fastmath={"contract"})


def _compiled(function: Function, **more: object) -> Function:
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", **more}
    folder, numba.config.CACHE_DIR = numba.config.CACHE_DIR, _folder(numba.config.CACHE_DIR)
    try:
        loop = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder is writable
        return cast("Function", numba.njit(**options)(function))
    finally:
        numba.config.CACHE_DIR = folder
    keep = loop._cache.save_overload

    def keep_if_possible(*code: object) -> None:
        with suppress(OSError):  # a full disk costs the next process a compilation, but no error here
            keep(*code)

    loop._cache.save_overload = keep_if_possible
    return cast("Function", loop)


@lru_cache(maxsize=2)
def _folder(chosen: str) -> str:
    """Return the cache folder for the current sources of all loops.

    Loops are inlined into each other and hold constants of `pixels`; Numba itself checks the outermost file only.
    """
    here = Path(__file__).parent
    digest = sha256()
    for path in [here.parent / "pixels.py", *sorted(here.glob("*.py"))]:
        digest.update(path.read_bytes())
    return str(Path(chosen or here / "__pycache__") / f"loops-{digest.hexdigest()[:16]}")
