"""The process in which `medshift verify` runs a submission again: `python -m medshift.benchmark.cli.rerun`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ...shifts.errors import MedshiftError
from ..runs.rerun import rerun
from . import interrupts
from .explain import explain
from .progress import watch


def main() -> None:
    """Take FOLDER OUT DEVICE [DATA] from the command line."""
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as in `medshift run`
    folder, out, device, *data = sys.argv[1:]
    with interrupts.handled():
        try:
            rerun(Path(folder), Path(out), Path(data[0]) if data else None, device, watch())
        except Exception as error:
            line = str(error) if isinstance(error, MedshiftError) else explain(error)
            if line is None:
                raise
            print(f"medshift: {line}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
