"""The command line as a process, `subprocess.run([*MEDSHIFT, "list", "shifts"])`, and how it ends on a full disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medshift.benchmark.cli.explain import explain
from medshift.shifts.errors import MedshiftError

MEDSHIFT = [sys.executable, "-m", "medshift.benchmark.cli"]


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


def line_of(error: BaseException) -> str:
    """Return the line in which the command line ends."""
    return str(error) if isinstance(error, MedshiftError) else explain(error) or ""


def files_in(folder: Path) -> list[str]:
    """List files below a folder, hidden ones, too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
