"""The images that a folder or manifest names: inspected as a whole first, then read once, one by one."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.wording import plural
from .formats.reader import Reader
from .formats.sniff import PICTURES, by_name, sniff
from .looks.looks import Looks
from .notes import by_gravity
from .options import Options
from .problems import Problems, undecodable
from .rows.folders import from_folders, list_images
from .rows.manifest import from_manifest
from .rows.paths import locate
from .rows.resolve import class_names, resolve_rows, sample_table

UNREAD = (".gif", ".webp", ".jp2", ".j2k", ".heic", ".avif", ".psd", ".svs")  # endings of images
Progress: TypeAlias = "Callable[[int, int], None]"


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
    """

    root: Path
    table: pd.DataFrame
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    reader: Reader
    problems: Problems
    looks: Looks

    def all_notes(self) -> list[str]:
        """Return what a user should know, the gravest first; call it once the pixels of all images are read."""
        return by_gravity([*self.looks.notes(), *self.notes, *self.reader.closing_notes()])

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
        rows = from_manifest(root, manifest, options, problems, notes)
    elif options.group_column or options.image_column != "image" or options.merge_rows:
        raise MedshiftError(f"--image-column, --group-column and --merge-rows need a manifest, and {root} has none")
    else:
        rows, others = from_folders(root, options, problems, notes)
        if others:
            left_out(others)
            what = "file that is not an image" if len(others) == 1 else "files that are not images"
            notes.append(f"left out {len(others):,} {what}{_unread(others)}")
    reader = _choose_reader(root, rows, options, problems, progress, manifest is not None, notes)
    rows = resolve_rows(reader, options, problems, notes, manifest or root)
    classes = class_names(rows, options, problems)
    table = sample_table(rows, classes, options)
    reader.ranges.bind(rows["domain"].tolist(), reader.floats)
    looks = Looks(table, classes, reader.value_range, reader.dropped, None if reader.windowed else reader.ranges)
    return Collection(root, table, classes, (*reader.notes, *notes), reader, problems, looks)


@dataclass(frozen=True)
class Unlabelled:
    """Images without labels.

    Args:
        ids: Path of each image, relative to the folder.
        groups: Its patient: what `Options.group_pattern` finds in the path, or else its folder below the given one, if
            there are several; empty where neither is known.
        pixels: (N, C, *spatial).
        value_range: Pixel values that become 0 and 1; None for the full scale of integers.
        notes: What a user should know of how they were read.
    """

    ids: list[str]
    groups: list[str]
    pixels: NDArray[Any]
    value_range: tuple[float, float] | None
    notes: list[str]


def read_unlabelled(root: Path, options: Options, progress: Progress = lambda done, total: None) -> Unlabelled:
    """Read all images below a folder, of one site and without labels.

    Args:
        root: The folder; a manifest in it is not read.
        options: How images are read.
        progress: Called with (images read, all images).

    Raises:
        MedshiftError: There is no image, or something is wrong with one; the message lists everything.
    """
    problems, notes = Problems(root), list[str]()
    found, others = list_images(root, options.follow_links, problems)
    if not found:
        problems.stop()
        raise MedshiftError(f"{root} holds no image")
    if others:
        notes.append(f"left out {plural(len(others), 'file')} that are not images{_unread(others)}")
    rows = pd.DataFrame({"file": found, "line": 0, "label": "", "domain": root.resolve().name, "group": ""})
    reader = _choose_reader(root, rows, options, problems, lambda done, total: None, False, notes)
    problems.stop()
    names = reader.rows["file"].tolist()
    reader.ranges.bind(reader.rows["domain"].tolist(), reader.floats)
    pixels = np.empty((len(names), *reader.shape), dtype=reader.dtype)
    for index, name in enumerate(names):
        try:
            pixels[index] = reader.image(index)
        except Exception as error:  # a decoder of hostile bytes may raise anything
            problems.add(f"{name}: {undecodable(root / name, error)}")
        progress(index + 1, len(names))
    problems.stop()
    groups = [_group(name, options.group_pattern) for name in names]
    if len(set(groups)) == 1:  # all in one folder, which is not a patient
        groups = [""] * len(names)
    return Unlabelled(names, groups, pixels, reader.value_range, [*reader.notes, *notes, *reader.closing_notes()])


def _group(name: str, pattern: str) -> str:
    """Find the patient of an image in its path."""
    if pattern:
        found = re.search(pattern, name)
        return (found[1] if found.re.groups else found[0]) if found else ""
    return Path(name).parent.as_posix() if len(Path(name).parts) > 1 else ""


def _unread(others: list[str]) -> str:
    """Return how many of the files left out are images by their name, of formats that are not read."""
    endings = Counter(ending for name in others if (ending := os.path.splitext(name.lower())[1]) in UNREAD)  # noqa: PTH122
    counts = [f"{count:,} {ending}" for ending, count in sorted(endings.items())]
    return f", or of formats that are not read ({', '.join(counts)}: save them as PNG)" if counts else ""


def _kinds(root: Path, files: list[tuple[str, int]], problems: Problems, notes: list[str]) -> list[str]:
    """Return `pictures`, `DICOM` or `NIfTI` for each file, by its content; empty for a problem."""
    kinds: list[str] = []
    misnamed: Counter[tuple[str, str]] = Counter()
    for name, line in files:
        found, wrong = sniff(root / name) if name.strip() else ("", "")
        if wrong:
            problems.add(f"{name}: {wrong}", line)
        elif found != (claimed := by_name(name)) and claimed:
            misnamed[found, claimed] += 1
        kinds.append("pictures" if found in PICTURES else found)
    for (found, claimed), count in sorted(misnamed.items()):
        are = "is" if count == 1 else "are"
        notes.append(f"{plural(count, 'file')} {are} {found} by content, though named {claimed}")
    return kinds


def _choose_reader(
    root: Path,
    rows: pd.DataFrame,
    options: Options,
    problems: Problems,
    progress: Progress,
    listed: bool,
    notes: list[str],
) -> Reader:
    """Return the reader of the most common kind of files; those of other kinds, and of none, are problems."""
    files = list(zip(rows["file"].tolist(), rows["line"].tolist(), strict=True))  # faster than the columns themselves
    kinds = _kinds(root, files, problems, notes)
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
        ("--slices", options.slices, ("NIfTI", "pictures", "DICOM")),
        ("--voxel-mm", options.voxel_mm, ("NIfTI",)),
        ("--channels", options.channels, ("pictures", "DICOM")),
        ("--background", options.background, ("pictures",)),
        (f"--fit {options.fit}", options.fit != "crop", ("pictures", "DICOM")),
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
