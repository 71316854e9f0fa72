"""The folder in which medshift keeps what it made: data sets, weights, scores."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Returns the folder for what medshift makes once and keeps: $MEDSHIFT_HOME, or the user's cache directory."""
    given = os.environ.get("MEDSHIFT_HOME")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "medshift"
