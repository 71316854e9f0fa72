"""Scores that were computed before, addressed by all that they depend on: nothing stale can be found there."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import scipy

from ...benchmark.files import atomic, home
from ...benchmark.files.code import code_sha256, modules_of
from .entries import ProtocolFolder, check_seeds
from .scoring import Scored, scored


@cache
def code() -> str:
    """Returns a hash of the code that scores depend on, and of the versions of the packages that compute them."""
    made = f"{np.__version__} {scipy.__version__} {code_sha256(modules_of(check_seeds, scored))}"
    return hashlib.sha256(made.encode()).hexdigest()


def cache_path(contest: ProtocolFolder, name: str, contents: Sequence[tuple[str, str]], replicates: int) -> Path:
    """Returns where the scores of an entry lie.

    Args:
        contest: Protocol and truth.
        name: The entry's.
        contents: Hashes of card and predictions of each seed.
        replicates: Of the bootstrap.
    """
    depends_on = [code(), contest.protocol.sha256, contest.protocol.truth_sha256, name, contents, replicates]
    digest = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()
    return home.home() / "scores" / digest[:2] / f"{digest}.npz"


def read(path: Path) -> Scored | None:
    """Returns the scores in a file, or None where there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return Scored(**{name: found[name] for name in Scored.__dataclass_fields__})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write(scored: Scored, path: Path) -> None:
    """Writes scores, renamed into place."""
    with atomic.replace(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **scored.arrays())
