"""Cache of scores, addressed by everything they depend on, so that nothing stale can be found."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import scipy

from ...benchmark.estimation import registry as estimators
from ...benchmark.files import atomic, home
from ...benchmark.files.code import code_sha256, modules_of
from ...shifts.errors import MedshiftError
from .entries import ProtocolFolder, check_seeds
from .scoring import Scored, score_seeds


@cache
def code() -> str:
    """Hash the code that scores depend on and the versions of the packages that compute them."""
    modules = {*modules_of(check_seeds, score_seeds), *estimators.modules()}  # estimators are imported by name
    versions = f"{np.__version__} {scipy.__version__} {version('scikit-learn')} {code_sha256(modules)}"
    return hashlib.sha256(versions.encode()).hexdigest()


def cache_path(folder: ProtocolFolder, name: str, contents: Sequence[tuple[str, ...]], replicates: int) -> Path:
    """Return the path of an entry's cached scores.

    Args:
        folder: Protocol and truth.
        name: Name of the entry.
        contents: Hashes of card and predictions, one pair per seed.
        replicates: Number of bootstrap replicates.
    """
    depends_on = [code(), folder.protocol.sha256, folder.protocol.truth_sha256, name, contents, replicates]
    depends_on += estimators.origins()
    digest = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()
    return home.home() / "scores" / digest[:2] / f"{digest}.npz"


def read(path: Path) -> Scored | None:
    """Read cached scores; None if the file is missing or unreadable."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return Scored(**{name: found[name] for name in Scored.__dataclass_fields__})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write(scored: Scored, path: Path) -> None:
    """Write scores atomically. A home that is full or read-only costs the time to compute them again, no more."""
    with suppress(OSError, MedshiftError), atomic.replace(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **scored.arrays())
