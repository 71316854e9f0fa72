"""The table of data sets: built-ins written out, third parties through `medshift.datasets`, and folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..shifts.errors import MedshiftError
from ..shifts.plugins import Table
from .dataset import Dataset

Progress: TypeAlias = "Callable[[int, int], None]"
Loader: TypeAlias = "Callable[[Progress | None], Dataset]"

BUILTINS = {"brain-mri-sim": "medshift.benchmark.brain_mri_sim.load:load"}
SUMMARIES = {"brain-mri-sim": "SIMULATED T1-weighted MR patches of four scanners, lesion or none; made on first use"}
SOURCES = {"brain-mri-sim": "nyu"}
TABLE = Table("medshift.datasets", "data set", BUILTINS)


def load(name: str, progress: Progress | None = None) -> Dataset:
    """Returns a data set by name; made or fetched on first use.

    Raises:
        MedshiftError: The name is unknown, or its plug-in returned no data set.
    """
    loader = TABLE.load(name)
    if not callable(loader):
        raise MedshiftError(f"data set {name!r} of {TABLE.origin(name)} is no function")
    dataset = loader(progress)
    if not isinstance(dataset, Dataset):
        raise MedshiftError(f"data set {name!r} of {TABLE.origin(name)} returned a {type(dataset).__name__}")
    return dataset
