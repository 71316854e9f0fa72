"""The images that a folder or manifest names: inspected as a whole first, then read once, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from .formats.reader import Reader
from .formats.sniff import PICTURES, sniff
from .looks.looks import Looks
from .options import Options
from .problems import Problems, undecodable
from .rows.folders import from_folders
from .rows.manifest import from_manifest
from .rows.paths import locate
from .rows.resolve import class_names, resolve_rows, sample_table

Progress: TypeAlias = "Callable[[int, int], None]"


@dataclass(frozen=True)
class Collection:
    """The images of a folder or manifest, before their pixels are read.

    Args:
        root: Folder that the paths are relative to.
        table: Table of the data set, see `Dataset`; one row per image.
        classes: Names of the labels 0..K-1.
        notes: What a user should know of how the images are read.
        reader: Reads them.
        problems: What is wrong so far.
        looks: What is noted of every image's stored pixels while they are read.
    """

    root: Path
    table: pd.DataFrame
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    reader: Reader
    problems: Problems
    looks: Looks

    def closing_notes(self) -> list[str]:
        """Return what a user should know that only the pixels of all images can tell; call it once they are read."""
        return self.looks.notes()

    def images(self, progress: Progress | None = None) -> Iterator[NDArray[Any]]:
        """Yield the pixels of every row, in order.

        Once something is wrong, nothing more is yielded, but all files are read to find everything that is.

        Args:
            progress: Called with (images read, all images).

        Raises:
            MedshiftError: Something is wrong; the message lists everything.
        """
        reader, rows = self.reader, self.reader.rows
        floats = reader.dtype == "float32"
        for index, (name, line) in enumerate(zip(rows["file"].tolist(), rows["line"].tolist(), strict=True)):
            try:
                image = reader.image(index)
            except Exception as error:  # a decoder of hostile bytes may raise anything
                self.problems.add(f"{name}: {undecodable(self.root / name, error)}", line)
            else:
                if floats and not np.isfinite(image).all():
                    self.problems.add(f"{name}: holds NaN or infinite values", line)
                elif not len(self.problems):
                    self.looks.add(index, image)
                    yield image
            if progress is not None:
                progress(index + 1, len(rows))
        self.problems.stop()


def open_collection(
    path: Path,
    options: Options,
    progress: Progress = lambda done, total: None,
    left_out: Callable[[list[str]], None] = lambda files: None,
) -> Collection:
    """Locate the images of a folder or manifest, and read the headers of all files.

    Args:
        path: A manifest, or a folder with or without one.
        options: The user's choices.
        progress: Called with (headers read, all headers).
        left_out: Called with the paths of files that are not images, relative to the folder. They are not kept with the
            data: names of files may be names of patients.

    Raises:
        MedshiftError: Something is wrong with the input; where images can be read despite it, the message lists
            everything.
    """
    root, manifest = locate(path)
    problems = Problems(manifest or root)
    notes: list[str] = []
    if manifest is not None:
        rows = from_manifest(root, manifest, options, problems)
    elif options.group_column or options.image_column != "image":
        raise MedshiftError(f"--image-column and --group-column need a manifest, and {root} has none")
    else:
        rows, others = from_folders(root, options, problems)
        if others:
            left_out(others)
            notes.append(f"left out {len(others):,} files that are not images")
    reader = _choose_reader(root, rows, options, problems, progress, manifest is not None)
    rows = resolve_rows(reader, options, problems, notes, manifest or root)
    classes = class_names(rows, options, problems)
    table = sample_table(rows, classes, options)
    looks = Looks(table, classes, reader.value_range)
    return Collection(root, table, classes, (*reader.notes, *notes), reader, problems, looks)


def _choose_reader(
    root: Path, rows: pd.DataFrame, options: Options, problems: Problems, progress: Progress, listed: bool
) -> Reader:
    """Return the reader of the most common kind of files; those of other kinds, and of none, are problems."""
    kinds: list[str] = []
    files = list(zip(rows["file"].tolist(), rows["line"].tolist(), strict=True))  # faster than the columns themselves
    for name, line in files:
        found, wrong = sniff(root / name) if name.strip() else ("", "")
        if wrong:
            problems.add(f"{name}: {wrong}", line)
        kinds.append("pictures" if found in PICTURES else found)
    known = [kind for kind in kinds if kind]
    if not known:
        problems.stop()
    kind = max(sorted(set(known)), key=known.count)
    for (name, line), other in zip(files, kinds, strict=True):
        if other not in ("", kind):
            problems.add(f"{name}: {other}, most others are {kind}: bring them in separately", line)
    rows = rows[[other == kind for other in kinds]].reset_index(drop=True)
    for option, given, of in (
        ("--window", options.window, ("DICOM", "NIfTI")),
        ("--slices", options.slices, ("NIfTI",)),
        ("--voxel-mm", options.voxel_mm, ("NIfTI",)),
        ("--channels", options.channels, ("pictures", "DICOM")),
    ):
        if given and kind not in of:
            raise MedshiftError(f"{option} goes with {' or '.join(of)}, not with {kind}")
    if kind == "pictures":
        from .formats.pictures.reader import PictureReader

        return PictureReader(root, rows, options, problems, progress)
    reader: Reader
    if kind == "DICOM":
        from .formats.dicom.reader import DicomReader

        reader = DicomReader(root, rows, options, problems, progress, listed)
    else:
        from .formats.nifti.reader import NiftiReader

        reader = NiftiReader(root, rows, options, problems, progress)
    if options.depth == 8:
        from .formats.eight_bits import EightBitReader

        reader = EightBitReader(reader)
    return reader
