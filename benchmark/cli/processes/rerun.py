"""The process in which `medshift verify` runs a submission again."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import cast

from ....shifts.errors import MedshiftError
from ...contract.apart.way import MethodFailed, Way
from ...datasets.importing.options import make_options
from ...runs.verification.rerun import rerun
from .. import interrupts
from ..explain import explain
from ..progress import watch


def main() -> None:
    """Take FOLDER OUT DEVICE WAY HIDDEN [DATA OPTIONS] from the command line; hidden folders and options are JSON."""
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as in `medshift run`
    folder, out, device, way, hidden, *more = sys.argv[1:]
    data = Path(more[0]) if more else None
    given = json.loads(more[1]) if more else {}
    tuples = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    options = make_options(**{**given, **tuples})
    with interrupts.handled(silently=True):  # what it kept goes with its folders, as the command that started it says
        try:
            closed = [Path(each) for each in json.loads(hidden)]
            rerun(Path(folder), Path(out), data, device, watch(), options, cast("Way", way), closed)
        except MethodFailed as error:
            print(error.traceback, file=sys.stderr)
            sys.exit(1)
        except Exception as error:
            line = str(error) if isinstance(error, MedshiftError) else explain(error)
            if line is None:
                raise
            print(f"medshift: {line}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
