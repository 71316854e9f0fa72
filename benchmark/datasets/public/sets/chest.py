"""Chest radiographs across hospitals; TorchXRayVision reads the tables and unifies the names of findings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError, in_one_line
from ..definition import MissingExtra, ParsedSet
from ..tables import must_exist, one_of

VIEWS = ["PA"]  # standing, from behind: the view depends on how ill a patient is
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"


def read(folder: Path, side: int, finding: str) -> ParsedSet:
    """Read whichever of `nih/`, `chexpert/`, `padchest/` and `rsna/` exist and label the finding.

    Images whose finding is unlabelled or uncertain are left out. All images of a patient are kept; patients are groups.

    Args:
        folder: Parent of these folders.
        side: Side of the images, in pixels.
        finding: As TorchXRayVision names it, e.g. `Pneumonia`.

    Raises:
        MedshiftError: Fewer than two exist, one is not in its authors' layout, or the package is missing.
    """
    opened: list[tuple[Any, NDArray[np.int64]]] = []
    tables, notes = [], []
    for domain, reader in READERS.items():
        if not (folder / domain).is_dir():
            continue
        try:
            data, image, group = reader(folder / domain)
        except (OSError, ValueError, KeyError) as error:  # tables that are not what the class expects
            raise MedshiftError(f"{folder / domain} is not in its layout: {in_one_line(error)}") from error
        if finding not in list(data.pathologies):
            continue
        values = data.labels[:, list(data.pathologies).index(finding)]
        rows = np.flatnonzero(np.isfinite(values))
        if len(rows) < len(values):
            notes.append(
                f"{domain}: {len(values) - len(rows):,} of {len(values):,} {'/'.join(VIEWS)} images are left out, "
                f"{finding} is unlabelled or uncertain"
            )
        label = np.where(values[rows] > 0.5, finding.lower(), f"no-{finding.lower()}")
        tables.append(
            pd.DataFrame({"sample_id": image.iloc[rows], "label": label, "domain": domain, "group": group.iloc[rows]})
        )
        opened.append((data, rows))
    if len(tables) < 2:
        names = [str(table["domain"].iloc[0]) for table in tables if len(table)]
        raise MedshiftError(
            f"{folder} holds {', '.join(names) or 'none'} of {', '.join(READERS)} with {finding}; two are needed"
        )
    table = pd.concat(tables, ignore_index=True)
    names = table["sample_id"].tolist()
    must_exist(folder, names)
    return ParsedSet(table, radiographs(opened, [folder / name for name in names], side), notes=tuple(notes))


def radiographs(
    opened: list[tuple[Any, NDArray[np.int64]]], paths: list[Path], side: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield the central square (1, side, side) of each image.

    Args:
        opened: Data sets of TorchXRayVision, with images (1, H, W) from -1024 to 1024, and their rows to take.
        paths: Paths of the images, in the same order.
        side: Side in pixels.

    Raises:
        MedshiftError: An image cannot be decoded; the message names it.
    """
    from PIL import Image

    from ...importing.formats.pictures.pixels import eight_bits

    wanted = [(data, int(row)) for data, rows in opened for row in rows]
    for (data, row), path in zip(wanted, paths, strict=True):
        try:
            values = data[row]["img"][0]
        except Exception as error:  # a decoder of damaged bytes may raise anything
            raise MedshiftError(f"{path} cannot be decoded: {in_one_line(error)}") from error
        grey = np.clip(np.rint((values + 1024) * (255 / 2048)), 0, 255).astype(np.uint8)
        yield eight_bits(Image.fromarray(grey), side, grey=True)


def _package() -> ModuleType:
    try:
        from torchxrayvision import datasets
    except ImportError as error:
        raise MissingExtra("chest sets need the package torchxrayvision: pip install 'medshift[xray]'") from error
    found: ModuleType = datasets
    return found


def _table(folder: Path, *names: str) -> str:
    """Return the path of the authors' table, or the value that makes TorchXRayVision use its own copy."""
    found = one_of(folder, *names)
    return str(_package().USE_INCLUDED_FILE if found is None else found)


def _place(folder: Path, *names: str) -> Path:
    found = one_of(folder, *names)
    if found is None:
        raise MedshiftError(f"no {' or '.join(names)} in {folder}")
    return found


def nih(folder: Path) -> tuple[Any, pd.Series[str], pd.Series[str]]:
    """Open ChestX-ray14; return its data set, and path and group of each image."""
    images = _place(folder, "images", "images-224", "images-512-NIH")
    table = _table(folder, "Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
    data = _package().NIH_Dataset(str(images), csvpath=table, views=VIEWS, unique_patients=False)
    return data, f"nih/{images.name}/" + data.csv["Image Index"], "nih-" + data.csv["patientid"]


def chexpert(folder: Path) -> tuple[Any, pd.Series[str], pd.Series[str]]:
    """Open the training set of CheXpert; return its data set, and path and group of each image."""
    root = one_of(folder, "CheXpert-v1.0-small", "CheXpert-v1.0") or folder
    table = _place(root, "train.csv")
    data = _package().CheX_Dataset(str(root), csvpath=str(table), views=VIEWS, unique_patients=False)
    below = data.csv["Path"].str.replace(r"^CheXpert-v1\.0(-small)?/", "", regex=True)
    return data, root.relative_to(folder.parent).as_posix() + "/" + below, "chexpert-" + data.csv["patientid"]


def padchest(folder: Path) -> tuple[Any, pd.Series[str], pd.Series[str]]:
    """Open PadChest; return its data set, and path and group of each image."""
    images = _place(folder, "images", "images-224")
    stem = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
    table = _table(folder, stem, f"{stem}.gz")
    data = _package().PC_Dataset(str(images), csvpath=table, views=VIEWS, unique_patients=False)
    return data, f"padchest/{images.name}/" + data.csv["ImageID"], "padchest-" + data.csv["patientid"]


def rsna(folder: Path) -> tuple[Any, pd.Series[str], pd.Series[str]]:
    """Open the RSNA pneumonia challenge; return its data set, and path and group of each image.

    Its images are those of ChestX-ray14 with new labels; the organisers' mapping gives the NIH patients.
    """
    images = _place(folder, "stage_2_train_images", "stage_2_train_images_jpg")
    ending = ".dcm" if next(images.glob("*.dcm"), None) else ".jpg"
    table = _table(folder, "stage_2_train_labels.csv")
    data = _package().RSNA_Pneumonia_Dataset(str(images), csvpath=table, views=VIEWS, extension=ending)
    pairs = json.loads(_place(folder, MAPPING).read_text(encoding="utf-8"))
    patient = {pair["subset_img_id"]: f"nih-{int(pair['img_id'].partition('_')[0])}" for pair in pairs}
    group = data.csv["patientid"].map(patient)
    if group.isna().any():
        raise MedshiftError(f"{folder / MAPPING} lacks {int(group.isna().sum())} of the images")
    return data, f"rsna/{images.name}/" + data.csv["patientid"] + ending, group


READERS: dict[str, Callable[[Path], tuple[Any, pd.Series[str], pd.Series[str]]]] = {
    "nih": nih,
    "chexpert": chexpert,
    "padchest": padchest,
    "rsna": rsna,
}
