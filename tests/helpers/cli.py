"""The command line as a process: `subprocess.run([*MEDSHIFT, "list", "shifts"])`."""

from __future__ import annotations

import sys

MEDSHIFT = [sys.executable, "-m", "medshift.benchmark.cli"]
