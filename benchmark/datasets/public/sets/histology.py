"""Histology: PathMNIST by clinical centre, Camelyon17 by hospital."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .....shifts.errors import MedshiftError, in_one_line
from ..definition import MissingExtra, ParsedSet, Remote
from ..tables import coded, must_exist, one_of, read_csv, squares

BLOCK = 1024  # images of an array read at a time
CENTRES = {"train": "nct-crc-he-100k", "val": "nct-crc-he-100k", "test": "crc-val-he-7k"}


def info() -> dict[str, Any]:
    """Return the `medmnist` package's entry for PathMNIST: addresses, checksums, labels, terms.

    Raises:
        MissingExtra: The package is not installed.
    """
    try:
        from medmnist.info import INFO
    except ImportError as error:
        raise MissingExtra("it needs the package medmnist: pip install 'medshift[medmnist]'") from error
    found: dict[str, Any] = INFO["pathmnist"]
    return found


def pathmnist_file(side: int) -> str:
    """Return the name of the file with images of a size."""
    return "pathmnist.npz" if side == 28 else f"pathmnist_{side}.npz"


def pathmnist_remotes(side: int) -> tuple[Remote, ...]:
    """Return the file with images of a size, with the checksum that the `medmnist` package publishes."""
    known, suffix = info(), "" if side == 28 else f"_{side}"
    checksum = f"md5:{known[f'MD5{suffix}']}"
    return (Remote(known[f"url{suffix}"], pathmnist_file(side), checksum, "the medmnist package"),)


def pathmnist(folder: Path, side: int) -> ParsedSet:
    """Read `pathmnist_SIDE.npz`: train and validation are from one clinical centre, test from another."""
    path = folder / pathmnist_file(side)
    if not path.is_file():  # how to get it is said first, and what reads it after
        raise MedshiftError(f"no {path}")
    names = [name.replace(" ", "-") for _, name in sorted(info()["label"].items(), key=lambda item: int(item[0]))]
    rows = []
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for split, centre in CENTRES.items():
                labels = arrays[f"{split}_labels"].reshape(-1).astype(int)
                rows += [(f"{split}/{number:06d}", label, centre, split) for number, label in enumerate(labels)]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise MedshiftError(f"{path} is not PathMNIST: {in_one_line(error)}") from error
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "official_split"])
    if not table["label"].between(0, len(names) - 1).all():
        raise MedshiftError(f"{path} is not PathMNIST: its labels are not 0 to {len(names) - 1}")
    table["label"] = table["label"].map(dict(enumerate(names)))
    table["group"] = table["sample_id"]
    return ParsedSet(table, _members(path, [f"{split}_images" for split in CENTRES], side))


def _members(path: Path, names: list[str], side: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the images (3, H, W) of some arrays of an npz without holding one whole: the largest has 13 GB.

    Raises:
        MedshiftError: The file is damaged, or holds other arrays.
    """
    try:
        yield from _blocks(path, names, side)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise MedshiftError(f"{path} is damaged: {in_one_line(error)}") from error


def _blocks(path: Path, names: list[str], side: int) -> Iterator[NDArray[np.uint8]]:
    with zipfile.ZipFile(path) as archive:
        for name in names:
            with archive.open(f"{name}.npy") as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, fortran, dtype = read(file)
                if shape[1:] != (side, side, 3) or dtype != np.uint8 or fortran:
                    raise MedshiftError(f"{path}: {name} is {dtype} {shape}, not uint8 (N, {side}, {side}, 3)")
                for start in range(0, shape[0], BLOCK):
                    count = min(BLOCK, shape[0] - start)
                    block = np.frombuffer(file.read(count * side * side * 3), np.uint8).reshape(count, side, side, 3)
                    yield from np.moveaxis(block, -1, 1)


def camelyon17(folder: Path, side: int) -> ParsedSet:
    """Read `metadata.csv` and `patches/` of WILDS Camelyon17 v1.0: five hospitals, patients as groups."""
    root = one_of(folder, "camelyon17_v1.0") or folder
    path = root / "metadata.csv"
    table = read_csv(path, ("patient", "node", "x_coord", "y_coord", "tumor", "slide", "center", "split"))
    patient, node = table["patient"].str.zfill(3), table["node"]
    stem = "patient_" + patient + "_node_" + node
    image = "patches/" + stem + "/patch_" + stem + "_x_" + table["x_coord"] + "_y_" + table["y_coord"] + ".png"
    must_exist(root, image.tolist())
    made = pd.DataFrame(
        {
            "sample_id": image,
            "label": coded(path, table["tumor"], {"0": "normal", "1": "tumour"}),
            "domain": coded(path, table["center"], {str(number): f"hospital-{number}" for number in range(5)}),
            "group": "patient-" + patient,
            "slide": table["slide"],
            "official_split": table["split"],
        }
    )
    return ParsedSet(made, squares(root, image.tolist(), side))


def camelyon17_remotes(side: int) -> tuple[Remote, ...]:
    """Return the archive of WILDS, which publishes no checksum."""
    url = "https://worksheets.codalab.org/rest/bundles/0xe45e15f39fb54e9d9e919556af67aabe/contents/blob/"
    return (Remote(url, "camelyon17_v1.0.tar.gz", unpack=True),)
