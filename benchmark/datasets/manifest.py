"""Reads a folder with a `manifest.csv` into a data set, or says everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, near
from ..files.wording import plural
from .dataset import COLUMNS, Dataset
from .importing.formats.pillow import LARGEST_SIDE, MOST_PIXELS, is_grey, square
from .importing.formats.sniff import no_file
from .importing.manifest_table import read_table
from .importing.paths import ContainedPaths
from .importing.problems import undecodable

if TYPE_CHECKING:
    pass


MANIFEST = "manifest.csv"
NEEDED = ("image", "label", "domain", "split_group")
SHOWN = 10  # problems printed in full


def read_manifest(
    folder: Path,
    *,
    classes: Sequence[str] = (),
    image_size: int | None = None,
    modality: str = "any",
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Returns the data set of a folder.

    Every image is cropped to its central square and resized with an antialiasing filter, in 8 bits: the upper ones of
    16. If all are grey, there is one channel, else three.

    Args:
        folder: Holds `manifest.csv` with columns image (a path below the folder), label, domain, split_group and
            perhaps split; other columns are kept as text, empty where a cell is.
        classes: The labels to keep, in this order; all of them, sorted, by default.
        image_size: Side in pixels; by default that of the smallest image, at most 96.
        modality: Of `shifts.catalogue.MODALITIES`; picks the default shifts.
        progress: Called with (images read, images in all).

    Raises:
        MedshiftError: The manifest or images are damaged; the message lists the problems with file and line.
    """
    folder = folder.expanduser()
    rows = _rows(folder, classes)
    names = tuple(classes) or tuple(sorted(rows["label"].unique()))
    if len(names) < 2:
        raise MedshiftError(f"{folder / MANIFEST}: every label is {names[0]!r}; two classes are needed")
    sizes, grey = _look(folder, rows)
    side = image_size or min(LARGEST_SIDE, sizes)
    if not 8 <= side <= 4096:
        raise MedshiftError(f"--image-size is 8 to 4096, not {side}")
    pixels = _pixels(folder, rows, side, grey, progress)
    # other classes or sizes are another data set, with a protocol of its own
    chosen = (f"-{len(names)}-classes" if classes else "") + (f"-{side}px" if image_size else "")
    table = pd.DataFrame(
        {
            "sample_id": rows["image"],
            "label": rows["label"].map({name: index for index, name in enumerate(names)}).astype("int64"),
            "domain": rows["domain"],
            "group": rows["split_group"],
            **({"split": rows["split"]} if "split" in rows else {}),
            **_further(rows),
        }
    )
    return Dataset(
        name=folder.resolve().name + chosen,
        version="local",
        classes=names,
        modality=modality,
        table=table.reset_index(drop=True),
        pixels=pixels,
        notes=(f"{len(table)} images of {folder}, centre-cropped and resized to {side} x {side}",),
    )


def _further(rows: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """Returns the columns of a manifest that are none of its own, named `manifest_NAME` where the table has a NAME."""
    return {
        f"manifest_{name}" if name in COLUMNS else str(name): rows[name].astype(str)
        for name in rows
        if name not in (*NEEDED, "split")
    }


def _rows(folder: Path, classes: Sequence[str]) -> pd.DataFrame:
    path = folder / MANIFEST
    if not path.is_file():
        raise MedshiftError(f"no {MANIFEST} in {folder}: --data takes a folder that holds one")
    table = read_table(path)
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise MedshiftError(f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(table.columns)}")
    if not len(table):
        raise MedshiftError(f"{path} lists no images")
    problems = [f"line {line}: empty {name}" for name in NEEDED for line in table.index[table[name].str.strip() == ""]]
    stray = table.index[(table[list(NEEDED)].apply(lambda cells: cells != cells.str.strip())).any(axis=1)]
    problems += [f"line {line}: spaces around a value" for line in stray]
    twice = table["image"][table["image"].duplicated()]
    problems += [f"line {line}: {name} a second time" for line, name in twice.items()]
    inside = ContainedPaths(folder)
    problems += [
        f"line {line}: {name} leads out of the folder"
        for line, name in table["image"].items()
        if inside.real(name) is None
    ]
    _raise(path, problems)
    present = sorted(table["label"].unique())
    for name in classes:
        if name not in present:
            raise MedshiftError(f"{path} has no label {name!r}.{near(name, present)}")
    return (table[table["label"].isin(classes)] if classes else table).reset_index(drop=True)


def _look(folder: Path, rows: pd.DataFrame) -> tuple[int, bool]:
    """Returns the smallest side and whether all images are grey, from the files' heads alone."""
    from PIL import Image, UnidentifiedImageError

    problems, smallest, grey = [], LARGEST_SIDE, True
    for name in rows["image"]:
        if said := no_file(folder / name):  # a pipe would be waited for
            problems.append(f"{name}: {said}")
            continue
        try:
            with Image.open(folder / name) as image:
                if image.width * image.height > MOST_PIXELS:
                    problems.append(f"{name}: {image.width} x {image.height} pixels; the most is {MOST_PIXELS:,}")
                if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
                    # whose black and white no file says: 0 to 1, 0 to 255 or Hounsfield units
                    kind = "float32" if image.mode == "F" else "signed or 32-bit integers"
                    problems.append(f"{name}: values are {kind}, --data has 8 bits: `medshift data add` keeps floats")
                smallest = min(smallest, *image.size)
                grey &= is_grey(image)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
            problems.append(f"{name}: {undecodable(folder / name, error)}")
    _raise(folder / MANIFEST, problems)
    return smallest, grey


def _pixels(
    folder: Path, rows: pd.DataFrame, side: int, grey: bool, progress: Callable[[int, int], None] | None
) -> NDArray[np.uint8]:
    from PIL import Image

    pixels = np.empty((len(rows), 1 if grey else 3, side, side), dtype=np.uint8)
    problems: list[str] = []
    for index, name in enumerate(rows["image"]):
        try:
            with Image.open(folder / name) as image:
                pixels[index] = square(image, side, grey)
        except (OSError, ValueError, SyntaxError) as error:  # PIL raises all three on damaged files
            problems.append(f"{name}: {undecodable(folder / name, error)}")
        if progress is not None:
            progress(index + 1, len(rows))
    _raise(folder / MANIFEST, problems)
    return pixels


def _raise(path: Path, problems: Sequence[str]) -> None:
    if problems:
        more = f"\n  ... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        listed = "\n  ".join(problems[:SHOWN])
        raise MedshiftError(f"{path}: {plural(len(problems), 'problem')}:\n  {listed}{more}")
