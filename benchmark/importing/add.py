"""Brings a folder or manifest in: everything is looked at first, then read once, straight into the store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, near
from ..dataset import COLUMNS, Dataset
from . import formats
from .candidates import candidates
from .dicom_head import pseudonyms
from .folders import from_folders
from .listed import OWN, TAGS, from_manifest
from .options import Options
from .pack import Content, check_free, in_blocks, pack
from .paths import locate
from .problems import Problems, undecodable

BLOCK = 8 << 20  # bytes that are held at a time


class Reader(Protocol):
    """What reads one kind of files: heads when it is made, pixels row by row."""

    rows: pd.DataFrame
    private: bool  # whether paths may tell of patients
    dtype: Literal["uint8", "uint16", "float32"]
    value_range: tuple[float, float] | None
    notes: list[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial) of every image."""
        ...

    def image(self, index: int) -> NDArray[Any]:
        """Returns the pixels of a row; raises `Unfit`, or what its decoder does."""
        ...


def add(
    name: str,
    path: Path,
    options: Options,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Dataset:
    """Returns the data set that was brought in under a name.

    Args:
        name: A free one.
        path: A manifest, or a folder with or without one.
        options: The user's.
        progress: Called with what is being done, and how many images are done, and of how many.

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
            shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
            notes.append(f"left out {len(others)} files that are no images: {shown}")
    reader = _reader(root, rows, options, problems, lambda d, n: progress("looking", d, n), bool(manifest))
    rows = _settled(reader, options, problems, notes, manifest or root)
    classes = _classes(rows, options, problems)
    content = Content(
        table=_table(rows, classes),
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
        found, said = formats.look(root / name) if name.strip() else ("", "")
        if said:
            problems.add(f"{name}: {said}", line)
        kinds.append("pictures" if found in formats.PICTURES else found)
    known = [kind for kind in kinds if kind]
    if not known:
        problems.stop()
    kind = max(sorted(set(known)), key=known.count)
    for name, line, other in zip(rows["file"], rows["line"], kinds, strict=True):
        if other not in ("", kind):
            problems.add(f"{name}: {other} where most files are {kind}: bring them in apart", line)
    rows = rows[[other == kind for other in kinds]].reset_index(drop=True)
    if kind == "DICOM":
        from .dicom import Dicoms

        return Dicoms(root, rows, options, problems, progress, listed)
    if kind == "NIfTI":
        from .nifti import Volumes

        return Volumes(root, rows, options, problems, progress)
    from .pictures import Pictures

    for option, given in (("--window", options.window), ("--slices", options.slices), ("--voxel-mm", options.voxel_mm)):
        if given:
            raise MedshiftError(f"{option} goes with DICOM or NIfTI, not with pictures")
    return Pictures(root, rows, options, problems, progress)


def _settled(reader: Reader, options: Options, problems: Problems, notes: list[str], what: Path) -> pd.DataFrame:
    """Returns the rows with the domain, the group and the name of each image."""
    rows = reader.rows.copy()
    if "sample_id" not in rows:
        rows["sample_id"] = rows["file"]
    known = (rows["domain"] != "").any()
    if not known and options.domain_from in rows and options.domain_from in TAGS:
        rows["domain"] = rows[options.domain_from]
        for name, line in zip(rows["file"][rows["domain"] == ""], rows["line"][rows["domain"] == ""], strict=True):
            problems.add(f"{name}: lacks {options.domain_from} (--domain-from)", line)
    elif not known and options.domain_from in TAGS:
        raise MedshiftError(f"{what}: only DICOM has a {options.domain_from}")
    elif not known:
        offered = [name for name in (*TAGS, "folder") if name in rows]
        raise MedshiftError(
            f"{what}: what says which site or scanner an image is from? Choose with --domain-from."
            f"{candidates(rows[offered])}"
        )
    if options.group_pattern:
        pattern = re.compile(options.group_pattern)
        for index, name, line in zip(rows.index, rows["file"], rows["line"], strict=True):
            match = pattern.search(name)
            if match is None:
                problems.add(f"{name}: --group-pattern does not match", line)
            else:
                rows.loc[index, "group"] = (match[1] if pattern.groups else match[0]) or ""
        if reader.private:
            hidden = pseudonyms(rows["group"], "g-")
            rows["group"] = rows["group"].map(hidden)
        across = int((rows.groupby("group")["domain"].nunique() > 1).sum())
        if across:
            notes.append(
                f"{across:,} groups stand in several domains and count as the same patients: if numbers start anew at "
                "each site, let --group-pattern take the site, too"
            )
    elif not (rows["group"] != "").any():
        rows["group"] = rows["file"]
        notes.append(
            "EACH IMAGE IS A GROUP OF ITS OWN: if several are of one patient, training and test leak into each other; "
            "name the patient with --group-pattern or a column split_group"
        )
    return rows


def _classes(rows: pd.DataFrame, options: Options, problems: Problems) -> tuple[str, ...]:
    """Returns the names of the classes; too few, and those of one image, are problems."""
    counts = rows["label"][rows["label"].str.strip() != ""].value_counts().sort_index()
    if options.classes:
        counts = counts.reindex([name for name in options.classes if name in counts.index])
    for wanted in options.classes:
        if wanted not in counts.index:
            problems.add(f"no label {wanted!r}.{near(wanted, rows['label'].unique())}")
    if len(counts) < 2:
        problems.add(f"every label is {counts.index[0]!r}; two classes are needed" if len(counts) else "no labels")
    for name, count in counts.items():
        if count == 1:
            line = int(rows["line"][rows["label"] == name].iloc[0])
            problems.add(f"class {name!r} has one image: add to it, or leave it out with --classes", line)
    return tuple(str(name) for name in counts.index)


def _table(rows: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    numbers = {name: index for index, name in enumerate(classes)}
    further = [name for name in rows if name not in (*OWN, *COLUMNS)]
    return pd.DataFrame(
        {
            "sample_id": rows["sample_id"],
            "label": rows["label"].map(numbers).fillna(-1).astype("int64"),
            "domain": rows["domain"],
            "group": rows["group"],
            **({"split": rows["split"]} if "split" in rows else {}),
            **{str(name): rows[name].astype(str) for name in further},
        }
    ).reset_index(drop=True)


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
