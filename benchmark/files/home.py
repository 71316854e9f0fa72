"""The cache directory: data sets, weights, scores."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return medshift's cache directory: $MEDSHIFT_HOME, or a folder in the user's cache directory."""
    given = os.environ.get("MEDSHIFT_HOME")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "medshift"


MODELS_VARIABLE = "MEDSHIFT_MODELS"


def models() -> Path:
    """Return the folder of trained networks: that of the home, or where the process of a method is told to look."""
    given = os.environ.get(MODELS_VARIABLE)
    return Path(given) if given else home() / "models"
