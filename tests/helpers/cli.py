"""The command line as a process, `subprocess.run([*MEDSHIFT, "list", "shifts"])`, and the line in which it ends."""

from __future__ import annotations

import sys
from pathlib import Path

from medshift.benchmark.cli.explain import explain
from medshift.shifts.errors import MedshiftError

MEDSHIFT = [sys.executable, "-m", "medshift.benchmark.cli"]


def line_of(error: BaseException) -> str:
    """Return the line in which the command line ends."""
    return str(error) if isinstance(error, MedshiftError) else explain(error) or ""


def files_in(folder: Path) -> list[str]:
    """List files below a folder, hidden ones, too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
