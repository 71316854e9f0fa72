"""A disk that is full, for one process: files may grow to some size and no further."""

from __future__ import annotations

import resource
from contextlib import contextmanager


@contextmanager
def largest_file(size):
    """Limit the size of files that this process writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
