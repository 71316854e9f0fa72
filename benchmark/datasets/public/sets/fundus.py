"""Diabetic retinopathy on fundus photographs from four programmes, graded 0 to 4 on the same scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd

from .....shifts.errors import MedshiftError
from ..definition import ParsedSet
from ..labels import GRADES, REFERABLE
from ..tables import by_stem, coded, must_exist, one_of, read_csv, squares


def read(folder: Path, side: int, label: Literal["grade", "referable"] = "referable") -> ParsedSet:
    """Read whichever of `aptos2019/`, `idrid/`, `messidor2/` and `eyepacs/` exist.

    Args:
        folder: Parent of these folders.
        side: Side of the images, in pixels.
        label: The five grades, or whether the eye needs referral.

    Raises:
        MedshiftError: Fewer than two exist, or one is not in its authors' layout.
    """
    found = [reader(folder / name) for name, reader in READERS.items() if (folder / name).is_dir()]
    if len(found) < 2:
        raise MedshiftError(f"{folder} holds {len(found)} of {', '.join(READERS)}; at least two are needed")
    notes = [note for _, note in found if note]
    table = pd.concat([rows for rows, _ in found], ignore_index=True)
    codes = {str(number): name for number, name in enumerate(GRADES)}
    table["grade"] = coded(folder, table["grade"], codes)
    worse = table["grade"].isin(GRADES[2:])
    table["label"] = table["grade"] if label == "grade" else worse.map({False: REFERABLE[0], True: REFERABLE[1]})
    images = table["sample_id"].tolist()
    must_exist(folder, images)
    return ParsedSet(table, squares(folder, images, side), notes=tuple(notes))


def aptos(folder: Path) -> tuple[pd.DataFrame, str]:
    """Read the table of APTOS 2019: `train.csv` and `train_images/ID.png`; eyes of a patient are not linked."""
    table = read_csv(folder / "train.csv", ("id_code", "diagnosis"))
    image = "aptos2019/train_images/" + table["id_code"] + ".png"
    return _rows(image, table["diagnosis"], "aptos2019", "aptos2019-" + table["id_code"]), ""


def idrid(folder: Path) -> tuple[pd.DataFrame, str]:
    """Read the tables of part B of IDRiD; its training and testing sets use the same image numbers."""
    root = one_of(folder, "B. Disease Grading") or folder
    parts = []
    for letter, name in (("a", "Training"), ("b", "Testing")):
        path = root / "2. Groundtruths" / f"{letter}. IDRiD_Disease Grading_{name} Labels.csv"
        table = read_csv(path, ("Image name", "Retinopathy grade"))
        place = (root / "1. Original Images" / f"{letter}. {name} Set").relative_to(folder.parent).as_posix()
        table = table[table["Image name"] != ""]  # empty lines at the end
        image = f"{place}/" + table["Image name"] + ".jpg"
        group = f"idrid-{letter}-" + table["Image name"]
        parts.append(_rows(image, table["Retinopathy grade"], "idrid", group))
    return pd.concat(parts), ""


def messidor(folder: Path) -> tuple[pd.DataFrame, str]:
    """Read the table of Messidor-2 with adjudicated grades; the two eyes of an examination are one group."""
    table = read_csv(folder / "messidor_data.csv", ("image_id", "adjudicated_dr_grade", "adjudicated_gradable"))
    pairs = read_csv(folder / "messidor-2.csv", ("left", "right"), ";")
    graded = table[(table["adjudicated_dr_grade"] != "") & (table["adjudicated_gradable"].str.startswith("1"))]
    files = by_stem(folder, "IMAGES/*", "images/*")
    stem = graded["image_id"].map(_stem)
    image = "messidor2/" + stem.map(files).fillna("IMAGES/" + graded["image_id"])
    exam = {_stem(name): f"messidor2-{_stem(row.left)}" for row in pairs.itertuples() for name in (row.left, row.right)}
    alone = sorted(set(stem) - set(exam))
    if alone:
        raise MedshiftError(
            f"{folder / 'messidor-2.csv'} names no examination for {len(alone)} images, e.g. {alone[0]}"
        )
    left = len(table) - len(graded)
    note = f"messidor2: {left:,} images without a gradable adjudication are left out" if left else ""
    grade = graded["adjudicated_dr_grade"].str.removesuffix(".0")
    return _rows(image, grade, "messidor2", stem.map(exam)), note


def eyepacs(folder: Path) -> tuple[pd.DataFrame, str]:
    """Read the table of EyePACS: `trainLabels.csv` and `train/PATIENT_EYE.jpeg`."""
    table = read_csv(folder / "trainLabels.csv", ("image", "level"))
    image = "eyepacs/train/" + table["image"] + ".jpeg"
    return _rows(image, table["level"], "eyepacs", "eyepacs-" + table["image"].str.rpartition("_")[0]), ""


def _stem(name: object) -> str:
    return Path(str(name)).stem.lower()


def _rows(image: pd.Series[str], grade: pd.Series[str], domain: str, group: pd.Series[str]) -> pd.DataFrame:
    return pd.DataFrame({"sample_id": image, "grade": grade, "domain": domain, "group": group})


READERS: dict[str, Callable[[Path], tuple[pd.DataFrame, str]]] = {
    "aptos2019": aptos,
    "idrid": idrid,
    "messidor2": messidor,
    "eyepacs": eyepacs,
}
