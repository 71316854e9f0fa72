"""Import a folder or manifest into the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import split_names
from ..dataset import Dataset
from .collection import open_collection
from .options import Options
from .pack import Content, in_blocks, pack
from .staging import check_free

BLOCK = 8 << 20  # bytes of pixels held in memory at a time


def add(
    name: str,
    path: Path,
    options: Options,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    left_out: Callable[[list[str]], None] = lambda files: None,
) -> Dataset:
    """Import images under a name, and return the stored data set.

    Args:
        name: A free name.
        path: A manifest, or a folder with or without one.
        options: The user's choices.
        progress: Called with (step, images done, all images).
        left_out: Called with the paths of files that are not images, see `open_collection`.

    Raises:
        MedshiftError: Something is wrong with the input; the message lists everything, and nothing was added.
    """
    check_free(name)
    found = open_collection(path, options, lambda done, total: progress("looking", done, total), left_out)
    wrong = split_names.unreadable(found.table["split"]) if "split" in found.table else ""
    if wrong:
        found.problems.add(wrong)
    images = found.images(lambda done, total: progress("reading", done, total))
    if len(found.problems):
        list(images)  # raises, once all files are read to find everything that is wrong
    reader = found.reader
    content = Content(
        table=found.table,
        shape=reader.shape,
        dtype=reader.dtype,
        classes=found.classes,
        modality=options.modality,
        value_range=reader.value_range,
        licence=options.licence,
        citation=options.citation,
    )
    size = int(np.prod(reader.shape)) * np.dtype(reader.dtype).itemsize
    return pack(name, content, in_blocks(images, max(1, BLOCK // size)), found.all_notes)
