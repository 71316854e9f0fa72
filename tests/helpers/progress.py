"""Progress that nobody sees."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext


def nothing(label: str, unit: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
    """A bar that shows nothing."""
    return nullcontext(lambda done, total: None)
