"""The images that a folder or manifest names: inspected as a whole first, then read once, one by one."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.memory import require_memory
from ..streaming.progress import Progress
from .formats.choose import choose_reader
from .formats.reader import Reader, read_pixels
from .looks.looks import Looks
from .notes import GraveNote, by_gravity
from .options import Options
from .problems import Problems, undecodable
from .rows.folders import from_folders, list_images
from .rows.manifest import from_manifest
from .rows.paths import TABLES, locate
from .rows.resolve import class_names, groups_by_pattern, resolve_rows, sample_table

UNREAD = (".gif", ".webp", ".jp2", ".j2k", ".heic", ".avif", ".psd", ".svs")  # endings of images
SOME, HEAD = 200, 1 << 16  # images that are looked for, and bytes of a table in which they are
UNKNOWN = "unknown"  # in place of the label that readers ask for


@dataclass(frozen=True)
class Collection:
    """The images of a folder or manifest, before their pixels are read.

    Args:
        root: Folder that the paths are relative to.
        table: Table of the data set, see `Dataset`; one row per image.
        classes: Names of the labels 0..K-1.
        notes: What a user should know before the pixels are read; see `all_notes`.
        reader: Reads them.
        problems: What is wrong so far.
        looks: What is noted of every image's stored pixels while they are read.
        closing: What was done to how many images, once all are read.
    """

    root: Path
    table: pd.DataFrame
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    reader: Reader
    problems: Problems
    looks: Looks
    closing: list[str] = field(default_factory=list)

    def all_notes(self) -> list[str]:
        """Return what a user should know, the gravest first; call it once the pixels of all images are read."""
        return by_gravity([*self.looks.notes(), *self.notes, *self.closing])

    def images(self, progress: Progress | None = None) -> Iterator[NDArray[Any]]:
        """Yield the pixels of every row, in order.

        Once something is wrong, nothing more is yielded, but all files are read to find everything that is.

        Args:
            progress: Called with (images read, all images).

        Raises:
            MedshiftError: Something is wrong; the message lists everything.
        """
        for index, image in read_images(self.root, self.reader, self.problems, self.closing, progress):
            self.looks.add(index, image)
            yield image


def read_images(
    root: Path, reader: Reader, problems: Problems, closing: list[str], progress: Progress | None = None
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the number and the pixels of every row; `closing` receives the closing notes.

    Other arguments, and errors, are those of `Collection.images`.
    """
    rows = reader.rows
    floats = reader.dtype == "float32"
    closing.clear()
    files = zip(rows["file"].tolist(), rows["line"].tolist(), read_pixels(reader, closing), strict=True)
    for index, (name, line, image) in enumerate(files):
        if isinstance(image, MedshiftError):
            problems.add(f"{name}: {undecodable(root / name, image)}", line)
        else:
            if floats and not np.isfinite(image).all():
                problems.add(f"{name}: holds NaN or infinite values", line)
            elif not len(problems):
                yield index, image
        if progress is not None:
            progress(index + 1, len(rows))
    problems.stop()


def open_collection(
    path: Path,
    options: Options,
    progress: Progress = lambda done, total: None,
    left_out: Callable[[list[str]], None] = lambda files: None,
    only: Sequence[str] = (),
) -> Collection:
    """Locate the images of a folder or manifest, and read the headers of all files.

    Args:
        path: A manifest, or a folder with or without one.
        options: The user's choices.
        progress: Called with (headers read, all headers).
        left_out: Called with the paths of files that are not images, relative to the folder. They are not kept with the
            data: names of files may be names of patients.
        only: Ids of the samples that are wanted, all by default. Images of other files are not read, nor asked for what
            is chosen by all: voxel size, range of values. Ids of DICOM, which are hashed, leave nothing out.

    Raises:
        MedshiftError: Something is wrong with the input; where images can be read despite it, the message lists
            everything.
    """
    root, manifest = locate(path)
    problems = Problems(manifest or root)
    notes: list[str] = []
    if manifest is not None:
        rows = from_manifest(root, manifest, options, problems, notes)
    elif options.group_column or options.image_column != "image" or options.merge_rows:
        raise MedshiftError(f"--image-column, --group-column and --merge-rows need a manifest, and {root} has none")
    else:
        rows, others = from_folders(root, options, problems, notes)
        if others:
            left_out(others)
            notes.append(left_out_note(others))
            notes += _unread_tables(root, others, rows["file"])
    wanted = rows["file"].isin({*only, *(name.rpartition("#")[0] for name in only)})  # a slice is FILE#NUMBER
    rows = rows[wanted].reset_index(drop=True) if wanted.any() else rows
    found = rows
    reader = choose_reader(root, found, options, problems, progress, manifest is not None, notes)
    rows = resolve_rows(reader, options, problems, notes, manifest or root)
    if manifest is None and options.label_column:  # a tag, which nobody knows of files that cannot be read
        classes = class_names(rows, options, Problems(root) if len(problems) else problems)
    else:
        unread = found[~found["file"].isin(reader.rows["file"])]
        classes = class_names(rows, options, problems, unread)
    table = sample_table(rows, classes, options)
    reader.ranges.bind(rows["domain"].tolist(), reader.floats)
    looks = Looks(table, classes, reader.value_range, reader.dropped, None if reader.windowed else reader.ranges)
    return Collection(root, table, classes, (*reader.notes, *notes), reader, problems, looks)


@dataclass(frozen=True)
class Unlabelled:
    """Images without labels.

    Args:
        ids: Path of each image, relative to the folder, with its slice if there are several; of DICOM, a hash.
        groups: Its patient: what `Options.group_pattern` finds in the path, or else the patient of a DICOM file, or its
            folder below the given one, if there are several; empty where none is known.
        pixels: (N, C, *spatial).
        value_range: Pixel values that become 0 and 1; None for the full scale of integers.
        notes: What a user should know of how they were read.
        depths: Bits of the file of each, 0 for floats, where a range of values was given; empty for physical values.
    """

    ids: list[str]
    groups: list[str]
    pixels: NDArray[Any]
    value_range: tuple[float, float] | None
    notes: list[str]
    depths: list[int] = field(default_factory=list)


def read_unlabelled(root: Path, options: Options, progress: Progress = lambda done, total: None) -> Unlabelled:
    """Read all images below a folder, of one site and without labels.

    Args:
        root: The folder; a manifest in it is not read.
        options: How images are read.
        progress: Called with (images read, all images).

    Raises:
        MedshiftError: The folder holds no image, or more than memory does, or some cannot be read; the message lists
            all that is wrong.
    """
    problems, notes = Problems(root), list[str]()
    found, others = list_images(root, options.follow_links, problems)
    if not found:
        problems.stop()
        raise MedshiftError(f"{root} holds no image")
    if others:
        notes.append(left_out_note(others))
    rows = pd.DataFrame({"file": found, "line": 0, "label": UNKNOWN, "domain": root.resolve().name, "group": ""})
    reader = choose_reader(root, rows, options, problems, lambda done, total: None, False, notes)
    rows = reader.rows
    groups = _groups(reader, options, problems)
    problems.stop()
    reader.ranges.bind(rows["domain"].tolist(), reader.floats)
    needed = len(rows) * math.prod(reader.shape) * np.dtype(reader.dtype).itemsize
    require_memory(needed, f"{root}: its {len(rows):,} images", "give fewer of them, in a folder of their own")
    pixels = np.empty((len(rows), *reader.shape), dtype=reader.dtype)
    closing: list[str] = []
    for index, image in read_images(root, reader, problems, closing, progress):
        pixels[index] = image
    ids = rows["sample_id" if "sample_id" in rows else "file"].tolist()
    told = [*reader.notes, *notes, *closing]
    return Unlabelled(ids, groups, pixels, reader.value_range, told, list(reader.ranges.depths))


def _groups(reader: Reader, options: Options, problems: Problems) -> list[str]:
    """Return the patient of each row, as far as it is known."""
    if options.group_pattern:
        return groups_by_pattern(reader.rows, options.group_pattern, problems)
    folders = [path.rpartition("/")[0] for path in reader.rows["file"]]
    known: list[str] = reader.rows["group"].tolist()  # of DICOM, patients; of slices, files
    return known if reader.private or len(set(folders)) == 1 else folders


def _unread_tables(root: Path, others: Sequence[str], files: Iterable[str]) -> list[GraveNote]:
    """Tell of tables in a folder that name its images, and are not read: perhaps they hold labels, sites and patients.

    Args:
        root: The folder.
        others: The files in it that are not images.
        files: Some of its images.
    """
    names = [os.path.basename(name).encode() for name in itertools.islice(files, SOME)]  # noqa: PTH119
    found = []
    for other in others:
        if other.lower().endswith(TABLES):
            with suppress(OSError), (root / other).open("rb") as file:
                start = file.read(HEAD)
                if any(name in start for name in names):
                    found.append(
                        GraveNote(
                            f"{other} names images of the folder and is not read: labels, sites and patients come from "
                            f"it if it is given in place of the folder ({root / other})"
                        )
                    )
    return found


def left_out_note(others: list[str]) -> str:
    """Write how many files were left out, and how many of them have names of images in formats that are not read."""
    what = "file that is not an image" if len(others) == 1 else "files that are not images"
    endings = Counter(ending for name in others if (ending := os.path.splitext(name.lower())[1]) in UNREAD)  # noqa: PTH122
    counts = [f"{count:,} {ending}" for ending, count in sorted(endings.items())]
    unread = f", or of formats that are not read ({', '.join(counts)}: save them as PNG)" if counts else ""
    pairs = sum(name.lower().endswith(".hdr") for name in others)
    two = f"; {pairs:,} of them .hdr, of volumes in two files: save each with its .img as one .nii" if pairs else ""
    return f"left out {len(others):,} {what}{unread}{two}"
