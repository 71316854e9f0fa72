"""White blood cells from the files of three public repositories: four acquisitions, four kinds of cells."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError, in_one_line
from ..definition import ParsedSet
from ..labels import FOUR_BLOOD_CELLS
from ..tables import coded, read_csv

PBC = "Blood-Cell-Classification/PBC_dataset_normal_DIB"
WBC = "segmentation_WBC"
BCCD = "BCCD/BCCD_cropped"
NUMBERED = {"Dataset 1": "jtsc_motic", "Dataset 2": "cellavision_blog"}
CODES = {"1": "neutrophil", "2": "lymphocyte", "3": "monocyte", "4": "eosinophil", "5": "basophil"}
DRAW_ORDER = ("neutrophil", "lymphocyte", "monocyte", "eosinophil")
PER_CLASS = 400  # images of PBC, which has up to 3,329 of a class
CROP = 224  # pixels of PBC's 360 that make a cell about as large as in the other acquisitions


def read(files: Mapping[str, Path], side: int) -> ParsedSet:
    """Read the four acquisitions; each image is its own group, as no source names the patients.

    Args:
        files: Where each file lies, by folder of the clone and path.
        side: Side of the images, in pixels.

    Raises:
        MedshiftError: A table of labels is not in its layout.
    """
    rows: list[tuple[str, str, str]] = []
    for key in files:
        place, _, name = key.rpartition("/")
        above, _, kind = place.rpartition("/")
        if above == PBC:
            rows.append((key, kind, "pbc_barcelona"))
        elif above == BCCD:
            rows.append((key, kind.lower(), "bccd"))
        elif above == WBC and kind in NUMBERED and name.endswith(".bmp"):
            rows.append((key, "", NUMBERED[kind]))
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain"])
    for folder, domain in NUMBERED.items():
        of = table["domain"] == domain
        table.loc[of, "label"] = _labels(files[f"{WBC}/Class Labels of {folder}.csv"], table.loc[of, "sample_id"])
    table = table[table["label"].isin(FOUR_BLOOD_CELLS)].reset_index(drop=True)
    table["group"] = table["sample_id"]
    return ParsedSet(table, _images([(files[key], key.startswith(PBC)) for key in table["sample_id"]], side))


def _labels(path: Path, keys: pd.Series[str]) -> pd.Series[str]:
    """Return the label of each numbered image, as its authors' table has it."""
    table = read_csv(path, ("image ID",))
    column = next((name for name in ("class label", "class") if name in table), None)  # one table has this, one that
    if column is None:
        raise MedshiftError(f"{path} lacks the column class label; it has {', '.join(table.columns)}")
    known = dict(zip(table["image ID"], coded(path, table[column], CODES), strict=True))
    number = keys.map(lambda key: str(int(Path(key).stem)))
    unknown = keys[~number.isin(known)]
    if len(unknown):
        raise MedshiftError(f"{path} has no label of {len(unknown)} images, e.g. {unknown.iloc[0]}")
    return number.map(known)


def _images(paths: Sequence[tuple[Path, bool]], side: int) -> Iterator[NDArray[np.uint8]]:
    """Yield each image (3, side, side): its central square, of PBC that of 224 pixels."""
    from PIL import Image

    from ...importing.formats.pictures.header import open_picture
    from ...importing.formats.pictures.pixels import eight_bits
    from ...importing.problems import UnsupportedFile

    for path, cropped in paths:
        try:
            with open_picture(path) as image:
                left, top = ((edge - CROP) // 2 for edge in image.size)
                part = image.crop((left, top, left + CROP, top + CROP)) if cropped else image
                yield eight_bits(part, side, grey=False)
        except (OSError, ValueError, SyntaxError, UnsupportedFile, Image.DecompressionBombError) as error:
            raise MedshiftError(f"{path} cannot be decoded: {in_one_line(error)}") from error


def select(contents: Mapping[str, str]) -> list[str]:
    """Choose the files of the set from all that the repositories hold.

    Args:
        contents: Hash of the content of each file, by folder of the clone and path.

    Returns:
        The images of the set, without exact duplicates, and the tables of labels, sorted.
    """
    draw = random.Random(0)
    wanted = [key for key in contents if key.startswith(f"{WBC}/Class Labels of ")]
    for kind in DRAW_ORDER:
        images = sorted(key for key in contents if key.startswith(f"{PBC}/{kind}/") and "/." not in key)
        draw.shuffle(images)
        wanted += _unique(images, contents)[:PER_CLASS]
        wanted += [key for key in sorted(contents) if key.startswith(f"{BCCD}/{kind.title()}/")]
    for folder in NUMBERED:
        numbered = sorted(key for key in contents if key.startswith(f"{WBC}/{folder}/") and key.endswith(".bmp"))
        wanted += _unique(numbered, contents)
    return sorted(wanted)


def _unique(keys: Sequence[str], contents: Mapping[str, str]) -> list[str]:
    """Keep the first of files with the same content."""
    first: dict[str, str] = {}
    for key in keys:
        first.setdefault(contents[key], key)
    return list(first.values())
