"""Read a folder with a manifest into a data set in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...shifts.errors import MedshiftError
from ..files.memory import require_memory
from .dataset import Dataset
from .importing.collection import open_collection
from .importing.options import Options
from .importing.paths import MANIFESTS, locate


def read_manifest(
    folder: Path,
    *,
    classes: Sequence[str] = (),
    image_size: int | None = None,
    modality: str = "any",
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read a folder with a manifest into a data set in memory, in 8 bits.

    Images are read as by `medshift data add`. 16 bits are reduced to the upper 8; there is one channel if all images
    are grey, else three.

    Args:
        folder: Holds `manifest.csv` or `manifest.parquet` with columns image (a path relative to the folder), label,
            domain, split_group and optionally split; other columns are kept as text, empty where a cell is.
        classes: The labels to keep, in this order; by default all of them, sorted.
        image_size: Side in pixels; by default that of the smallest image, at most 96.
        modality: One of `shifts.catalogue.MODALITIES`; it picks the default shifts.
        progress: Called with (images read, all images).

    Raises:
        MedshiftError: The manifest or images are damaged; the message lists all problems with file and line.
    """
    root, manifest = locate(folder)
    if manifest is None:
        raise MedshiftError(f"no {' or '.join(MANIFESTS)} in {root}; without one, use `medshift data add`")
    options = Options(
        modality=modality, image_size=image_size, classes=tuple(classes), group_column="split_group", depth=8
    )
    found = open_collection(folder, options)
    shape = found.reader.shape
    needed = len(found.table) * math.prod(shape)
    require_memory(needed, "the images", "lower --image-size, or `medshift data add` keeps them on disk")
    pixels = np.empty((len(found.table), *shape), dtype=np.uint8)
    for index, image in enumerate(found.images(progress)):
        pixels[index] = image
    # other classes or sizes are another data set, which needs its own protocol
    chosen = (f"-{len(found.classes)}-classes" if classes else "") + (f"-{shape[-1]}px" if image_size else "")
    return Dataset(
        name=root.resolve().name + chosen,
        version="local",
        classes=found.classes,
        modality=modality,
        table=found.table,
        pixels=pixels,
        value_range=found.reader.value_range,
        notes=found.notes,
    )
