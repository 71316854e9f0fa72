"""Keep Python's search for garbage to what is new.

A card is a thousand objects, which sets off a search through all that was imported: it takes ten times as long as the
card itself. So do the pages of a thousand cards.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def set_aside() -> Iterator[None]:
    """Leave all that exists now out of the search, until the end of the block."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
