"""How whoever makes or reads a data set tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

#: To be called with (done, total).
Progress: TypeAlias = Callable[[int, int], None]
#: (label, unit) -> a context manager that yields a `Progress`.
Bar: TypeAlias = Callable[[str, str], AbstractContextManager[Progress]]


@contextmanager
def no_bar(label: str, unit: str) -> Iterator[Progress]:
    """Show no progress bar."""
    yield lambda done, total: None
