"""Matrix products in one thread."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import cast

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # scikit-learn requires it


def one_thread() -> AbstractContextManager[object]:
    """Limit NumPy's products to one thread: with small ones, threads wait for each other, for minutes on busy cores."""
    return cast("AbstractContextManager[object]", _libraries().limit(limits=1, user_api="blas"))


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    """Find the libraries that compute products, which takes longer than a small product."""
    return ThreadpoolController()
