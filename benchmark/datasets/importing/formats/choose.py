"""The reader of a collection: that of the most common kind of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError
from ....files.wording import plural
from ..options import Options
from ..problems import Problems
from .reader import Reader
from .sniff import PICTURES, by_name, sniff


def choose_reader(
    root: Path,
    rows: pd.DataFrame,
    options: Options,
    problems: Problems,
    progress: Callable[[int, int], None],
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
        from .pictures.reader import PictureReader

        return PictureReader(root, rows, options, problems, progress)
    reader: Reader
    if kind == "DICOM":
        from .dicom.reader import DicomReader

        reader = DicomReader(root, rows, options, problems, progress, listed)
    else:
        from .nifti.reader import NiftiReader

        reader = NiftiReader(root, rows, options, problems, progress)
    if options.depth == 8:
        from .eight_bits import EightBitReader

        reader = EightBitReader(reader)
    return reader


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
