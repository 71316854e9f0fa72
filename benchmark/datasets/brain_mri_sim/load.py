"""The simulated data set from the cache, or made and cached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ...files.atomic import replace, sha256, write_text
from ...files.home import home
from ...files.locks import locked
from .. import brain_mri_sim
from ..dataset import Dataset

TABLE, PIXELS, DONE = "table.parquet", "pixels.npy", "sha256.txt"


def load(progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Load `brain-mri-sim`; it is simulated on first use (about a minute) and cached below `files.home.home()`.

    Args:
        progress: Called with (patients done, patients in all) while it is being simulated.
    """
    return _load(brain_mri_sim.NAME, None, (brain_mri_sim.DESCRIPTION,), progress)


def load_small(progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Load `brain-mri-sim-small`, the first patients of each scanner, made and cached likewise.

    Args:
        progress: As for `load`.
    """
    counts = brain_mri_sim.SMALL_PATIENTS
    part = ", ".join(f"{count} of {site}" for site, count in counts.items())
    few = f"For demonstrations: only the first patients of {brain_mri_sim.NAME} ({part}), so intervals are wide."
    return _load(brain_mri_sim.SMALL, counts, (brain_mri_sim.DESCRIPTION, few), progress)


def _load(
    name: str,
    patients: Mapping[str, int] | None,
    notes: tuple[str, ...],
    progress: Callable[[int, int], None] | None,
) -> Dataset:
    folder = home() / "datasets" / f"{name}-v{brain_mri_sim.VERSION}"
    if not _whole(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # who waits sees no progress meanwhile, but neither does the work twice
        with locked(folder / ".lock", f"{folder} is being written", lambda who: None):
            if not _whole(folder):
                _make(folder, patients, progress)
    return Dataset(
        name=name,
        version=brain_mri_sim.VERSION,
        classes=brain_mri_sim.CLASSES,
        modality=brain_mri_sim.MODALITY,
        table=pd.read_parquet(folder / TABLE),
        pixels=np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False),
        licence=brain_mri_sim.LICENCE,
        citation=brain_mri_sim.CITATION,
        simulated=brain_mri_sim.SIMULATED,
        notes=notes,
    )


def _make(folder: Path, patients: Mapping[str, int] | None, progress: Callable[[int, int], None] | None) -> None:
    from .build import build
    from .processes import suited

    table, pixels = build(progress=progress, patients=patients, processes=suited())
    with replace(folder / TABLE) as temporary:
        table.to_parquet(temporary, index=False)
    with replace(folder / PIXELS) as temporary, temporary.open("wb") as file:
        np.save(file, pixels, allow_pickle=False)
    # written last: its presence means that the other two are whole, its content that they have not rotted since
    write_text(folder / DONE, f"{sha256(folder / TABLE)}\n{sha256(folder / PIXELS)}\n")


def _whole(folder: Path) -> bool:
    try:
        written = (folder / DONE).read_text().split()
        return written == [sha256(folder / TABLE), sha256(folder / PIXELS)]
    except OSError:
        return False
