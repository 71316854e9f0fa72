"""Brings a folder or manifest in: everything is looked at first, then read once, straight into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ..dataset import Dataset
from .folders import from_folders
from .formats import sniff
from .formats.reader import Reader
from .manifest_rows import from_manifest
from .options import Options
from .pack import Content, in_blocks, pack
from .paths import locate
from .problems import Problems, undecodable
from .resolve import class_names, resolve_rows, sample_table
from .staging import check_free

BLOCK = 8 << 20  # bytes that are held at a time


def add(
    name: str,
    path: Path,
    options: Options,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    left_out: Callable[[list[str]], None] = lambda files: None,
) -> Dataset:
    """Returns the data set that was brought in under a name.

    Args:
        name: A free one.
        path: A manifest, or a folder with or without one.
        options: The user's.
        progress: Called with what is being done, and how many images are done, and of how many.
        left_out: Called with the paths of files that are no images, below the folder. They are not kept with the data:
            names of files may be names of patients.

    Raises:
        MedshiftError: Something is wrong with what was given; the message lists everything, and nothing was added.
    """
    check_free(name)
    root, manifest = locate(path)
    problems = Problems(manifest or root)
    notes: list[str] = []
    if manifest is None and (options.group_column or options.image_column != "image"):
        raise MedshiftError("--image-column and --group-column go with a manifest, which this folder has not")
    if manifest is not None:
        rows = from_manifest(root, manifest, options, problems)
    else:
        rows, others = from_folders(root, options, problems)
        if others:
            left_out(others)
            notes.append(f"left out {len(others):,} files that are no images")
    reader = _reader(root, rows, options, problems, lambda d, n: progress("looking", d, n), bool(manifest))
    rows = resolve_rows(reader, options, problems, notes, manifest or root)
    classes = class_names(rows, options, problems)
    content = Content(
        table=sample_table(rows, classes),
        shape=reader.shape,
        dtype=reader.dtype,
        classes=classes,
        modality=options.modality,
        value_range=reader.value_range,
        licence=options.licence,
        citation=options.citation,
        notes=(*reader.notes, *notes),
    )
    if len(problems):  # read all the same, to say at once what else is wrong
        for _ in _images(root, reader, problems, progress):
            pass
        problems.stop()
    size = int(np.prod(reader.shape)) * np.dtype(reader.dtype).itemsize
    blocks = in_blocks(_images(root, reader, problems, progress), max(1, BLOCK // size))
    return pack(name, content, blocks)


def _reader(
    root: Path,
    rows: pd.DataFrame,
    options: Options,
    problems: Problems,
    progress: Callable[[int, int], None],
    listed: bool,
) -> Reader:
    """Returns the reader of the commonest kind of files; those of other kinds, and of none, are problems."""
    kinds: list[str] = []
    for name, line in zip(rows["file"], rows["line"], strict=True):
        found, said = sniff.sniff(root / name) if name.strip() else ("", "")
        if said:
            problems.add(f"{name}: {said}", line)
        kinds.append("pictures" if found in sniff.PICTURES else found)
    known = [kind for kind in kinds if kind]
    if not known:
        problems.stop()
    kind = max(sorted(set(known)), key=known.count)
    for name, line, other in zip(rows["file"], rows["line"], kinds, strict=True):
        if other not in ("", kind):
            problems.add(f"{name}: {other} where most files are {kind}: bring them in apart", line)
    rows = rows[[other == kind for other in kinds]].reset_index(drop=True)
    for option, given, of in (
        ("--window", options.window, ("DICOM", "NIfTI")),
        ("--slices", options.slices, ("NIfTI",)),
        ("--voxel-mm", options.voxel_mm, ("NIfTI",)),
        ("--channels", options.channels, ("pictures", "DICOM")),
    ):
        if given and kind not in of:
            raise MedshiftError(f"{option} goes with {' or '.join(of)}, not with {kind}")
    if kind == "DICOM":
        from .formats.dicom import DicomReader

        return DicomReader(root, rows, options, problems, progress, listed)
    if kind == "NIfTI":
        from .formats.nifti import NiftiReader

        return NiftiReader(root, rows, options, problems, progress)
    from .formats.pictures import PictureReader

    return PictureReader(root, rows, options, problems, progress)


def _images(
    root: Path, reader: Reader, problems: Problems, progress: Callable[[str, int, int], None]
) -> Iterator[NDArray[Any]]:
    """Yields the pixels of every row until a file turns out to be damaged; then reads on to find all that are."""
    sound = not len(problems)
    for index, (name, line) in enumerate(zip(reader.rows["file"], reader.rows["line"], strict=True)):
        try:
            image = reader.image(index)
        except Exception as error:  # a decoder of hostile bytes may raise anything
            problems.add(f"{name}: {undecodable(root / name, error)}", line)
        else:
            if reader.dtype == "float32" and not np.isfinite(image).all():
                problems.add(f"{name}: holds NaN or infinite values", line)
            elif sound and not len(problems):
                yield image
        progress("reading", index + 1, len(reader.rows))
    problems.stop()
