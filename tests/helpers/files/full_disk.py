"""A disk that is full, for one process: files may grow to some size and no further."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_disk(most: int = 900) -> Iterator[None]:
    """Let no file grow beyond `most` bytes; the error is "File too large", of the kind of "No space left"."""
    import resource  # not on Windows

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
