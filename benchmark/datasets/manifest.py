"""Read a folder with a manifest into a data set: in memory, or in the cache if it would take most of the memory."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..files.memory import SMALL, available
from ..files.wording import byte_size
from .dataset import Dataset
from .importing import decoded
from .importing.collection import Collection, open_collection
from .importing.options import Options, make_options
from .importing.rows.paths import MANIFESTS, locate
from .streaming.rows import BLOCK, read_rows

if TYPE_CHECKING:
    import pandas as pd

IN_NAME = ("modality", "classes", "image_size")  # options that a protocol says itself
ARRANGED = ("groups_per_domain", "ignore_split")  # options that its truth says
MOST_OF_MEMORY = 0.5  # of what is free: with more, the images are kept in the cache and not in memory
LOCAL = "local"  # version of what was read from a folder, whose content is not hashed


def read_manifest(
    folder: Path | str,
    *,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,  # noqa: ANN401
) -> Dataset:
    """Read a folder with a manifest into a data set, in 8 bits.

    Images are read as by `medshift data add`. 16 bits are reduced to 8; there is one channel if all images are grey,
    else three.

    Args:
        folder: Holds `manifest.csv` or `manifest.parquet` with columns image (a path relative to the folder), label,
            domain, split_group and optionally split; other columns are kept as text, empty where a cell is.
        progress: Called with (images read, all images).
        options: Fields of `importing.options.Options`, e.g. `classes=("normal", "pneumonia")`, `image_size=64`,
            `modality="xray"`, `fit="pad"`.

    Raises:
        MedshiftError: An option is unknown or invalid, or the manifest or images are damaged; the message lists all
            problems with file and line.
    """
    return read_with(Path(folder), make_options(**options), progress)


def read_with(
    folder: Path,
    options: Options,
    progress: Callable[[int, int], None] | None = None,
    only: Sequence[str] = (),
) -> Dataset:
    """Read a folder as `read_manifest` does, with its options in one object; of some samples, see `open_collection`."""
    root, manifest = locate(folder)
    if manifest is None:
        raise MedshiftError(f"no {' or '.join(MANIFESTS[:2])} in {root}; without one, use `medshift data add`")
    needed = "" if options.group_column or options.group_pattern else "split_group"
    named = dataclasses.replace(options, group_column=options.group_column or needed, depth=8)
    found = open_collection(folder, named, only=only)
    pixels, notes = _pixels(found, options, progress)
    shape = found.reader.shape
    return Dataset(
        name=root.resolve().name + _chosen(options, len(found.classes), shape[-1]),
        version=local_version(options),
        classes=found.classes,
        modality=options.modality,
        table=found.table,
        pixels=pixels,
        value_range=found.reader.value_range,
        notes=notes,
    )


def _pixels(
    found: Collection, options: Options, progress: Callable[[int, int], None] | None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Read the pixels of all images, into memory or, if they would take most of it, into a copy in the cache.

    Returns:
        The pixels, and what a user should know of how they were read.
    """
    shape = found.reader.shape
    size, free = len(found.table) * math.prod(shape), available()
    if size > SMALL and free is not None and size > free * MOST_OF_MEMORY:
        lacking = decoded.lacks(size)
        if not lacking:
            return decoded.pixels(found, repr(options), progress)
        if size > free:
            raise MedshiftError(
                f"the images need {byte_size(size)} in memory, {byte_size(free)} are free, or {lacking}: lower "
                "--image-size, or set MEDSHIFT_HOME to a folder on a larger disk"
            )
    pixels = np.empty((len(found.table), *shape), dtype=np.uint8)
    for index, image in enumerate(found.images(progress)):
        pixels[index] = image
    return pixels, tuple(found.all_notes())


def local_version(options: Options) -> str:
    """Return the version of a folder that is read so: other pixels or labels than those of its protocol are found."""
    told = {name: getattr(Options(), name) for name in (*IN_NAME, *ARRANGED, "depth", "licence", "citation")}
    rest = dataclasses.replace(options, **told)
    return LOCAL if rest == Options() else f"{LOCAL}-{hashlib.sha256(repr(rest).encode()).hexdigest()[:8]}"


def local_sha256(dataset: Dataset, table: pd.DataFrame) -> str | None:
    """Return the sha256 of the images of a truth; None if they are of a data set whose version stands for them.

    Under one name and version, a folder may hold other images tomorrow.

    Args:
        dataset: The data set.
        table: A truth with a column `row`, the position of each sample in the data set.
    """
    if not dataset.version.startswith(LOCAL):
        return None
    ordered = table.sort_values("sample_id")
    pixels = dataset.pixels
    what = (pixels.shape[1:], pixels.dtype.name, dataset.value_range, *ordered["sample_id"])
    digest = hashlib.sha256(repr(what).encode())
    rows = ordered["row"].to_numpy(dtype=np.int64)
    step = max(1, BLOCK // max(1, pixels.nbytes // max(1, len(pixels))))
    for start in range(0, len(rows), step):
        digest.update(read_rows(pixels, rows[start : start + step]).data)
    return digest.hexdigest()


def _chosen(options: Options, classes: int, side: int) -> str:
    """Return what a data set's name says of its options: read in another way, it needs its own protocol."""
    named = (f"-{classes}-classes" if options.classes else "") + (f"-{side}px" if options.image_size else "")
    return named + local_version(options).removeprefix(LOCAL)
