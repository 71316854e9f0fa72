"""Plug-ins that cannot be loaded, for lists: imported in a process of their own, as a module may exit or hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from ....shifts import catalogue as shifts
from ....shifts.errors import MedshiftError
from ....shifts.plugins import Table
from ...datasets import catalogue as datasets
from ...files.text import visible

TABLES: Mapping[str, Table] = {"shifts": shifts.TABLE, "datasets": datasets.TABLE}
LONGEST_WAIT = 120.0  # seconds for all plug-ins of a table
MARK = "\0medshift\0"  # before what is told: a module may print what it likes
APART = """import sys
from medshift.benchmark.cli.tables.loading import tell
tell(sys.argv[1], sys.argv[2:])
"""


def load_problems(kind: Literal["shifts", "datasets"], table: Table) -> dict[str, str]:
    """Return, by name, why plug-ins cannot be loaded.

    Args:
        kind: A key of `TABLES`.
        table: The table; names that two packages claim are left out.
    """
    names = [name for name in table.plugins if name not in table.clashes]
    found: dict[str, str] = {}
    while names:
        told, end = _told(kind, names)
        found |= {name: visible(line, 1000) for name, line in told.items()}
        names = names[len(told) :]
        if names:  # the first of them ended the process
            whose = f"{table.noun} {names[0]!r} of {table.origin(names[0])}"
            found[names[0]] = f"{whose} cannot be loaded: its module {end}. Fix or uninstall that package."
            del names[0]
    return {name: line for name, line in found.items() if line}


def _told(kind: str, names: Sequence[str]) -> tuple[dict[str, str], str]:
    """Return what a process says of plug-ins, in their order, and how it ended."""
    path = os.pathsep.join(each or str(Path.cwd()) for each in sys.path)
    command = [sys.executable, "-P", "-c", APART, kind, *names]
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=LONGEST_WAIT, env={**os.environ, "PYTHONPATH": path}
        )
        said, end = done.stdout, f"ends the process (status {done.returncode})"
    except subprocess.TimeoutExpired as error:
        said, end = error.stdout or b"", f"takes more than {LONGEST_WAIT:.0f} s to import"
    lines = said.decode(errors="replace").split(MARK)[1::2]
    return dict(zip(names, [str(json.loads(line)) for line in lines], strict=False)), end


def tell(kind: str, names: Sequence[str]) -> None:
    """Write for each plug-in why it cannot be loaded; an empty text if it can."""
    for name in names:
        try:
            if kind == "shifts":
                shifts.shift_info(name)
            elif not callable(TABLES[kind].load(name)):
                raise MedshiftError(f"data set {name!r} of {TABLES[kind].origin(name)} is not a function")
            problem = ""
        except MedshiftError as error:
            problem = str(error)
        sys.stdout.write(f"{MARK}{json.dumps(problem)}{MARK}")
        sys.stdout.flush()
