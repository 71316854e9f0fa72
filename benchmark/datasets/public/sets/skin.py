"""Dermoscopic images of skin lesions, by where the images come from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError
from ..definition import ParsedSet
from ..labels import DIAGNOSES
from ..tables import by_stem, coded, read_csv, squares

SOURCES = ("rosendahl", "vidir_modern", "vidir_molemax", "vienna_dias")
HEADINGS = {"MEL": "mel", "NV": "nv", "BCC": "bcc", "AK": "ak", "BKL": "bkl", "DF": "df", "VASC": "vasc", "SCC": "scc"}
ARCHIVES = {"HAM": "ham10000", "BCN": "bcn20000", "MSK": "msk"}  # prefix of lesion ids -> domain


def ham10000(folder: Path, side: int) -> ParsedSet:
    """Read `HAM10000_metadata.csv` with its column `dataset`, and the images of both parts; lesions are groups."""
    path = next((folder / name for name in METADATA if (folder / name).exists()), folder / METADATA[0])
    table = read_csv(path, ("lesion_id", "image_id", "dx", "dataset"), "\t" if path.suffix == ".tab" else ",")
    image = _images(folder, table["image_id"], "HAM10000_images_part_1/*", "HAM10000_images_part_2/*", "*.jpg")
    made = pd.DataFrame(
        {
            "sample_id": image,
            "label": coded(path, table["dx"], {name: name for name in DIAGNOSES}),
            "domain": coded(path, table["dataset"], {name: name for name in SOURCES}),
            "group": table["lesion_id"],
            **{name: table[name] for name in ("dx_type", "age", "sex", "localization") if name in table},
        }
    )
    return ParsedSet(made, squares(folder, image.tolist(), side))


def isic2019(folder: Path, side: int) -> ParsedSet:
    """Read the training set of the ISIC 2019 challenge; the archive named by the lesion id is the domain."""
    truth = folder / "ISIC_2019_Training_GroundTruth.csv"
    labels = read_csv(truth, ("image", *HEADINGS))
    metadata = read_csv(folder / "ISIC_2019_Training_Metadata.csv", ("image", "lesion_id"))
    table = labels.merge(metadata, on="image", how="left").fillna("")
    truths = table[list(HEADINGS)].astype(float)
    odd = table["image"][truths.sum(axis=1) != 1]
    if len(odd):
        raise MedshiftError(f"{truth}: {len(odd)} images do not have exactly one diagnosis, e.g. {odd.iloc[0]}")
    known = table["lesion_id"].str.slice(0, 3).isin(ARCHIVES)
    image = _images(folder, table["image"][known], "ISIC_2019_Training_Input/*")
    made = pd.DataFrame(
        {
            "sample_id": image,
            "label": truths[known].idxmax(axis=1).map(HEADINGS),
            "domain": table["lesion_id"][known].str.slice(0, 3).map(ARCHIVES),
            "group": table["lesion_id"][known],
        }
    )
    left = int((~known).sum())
    notes = (f"{left:,} images without a lesion id are left out: neither source nor group is known",) if left else ()
    return ParsedSet(made.reset_index(drop=True), squares(folder, image.tolist(), side), notes=notes)


METADATA = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")


def _images(folder: Path, ids: pd.Series[str], *patterns: str) -> pd.Series[str]:
    """Return the path of each image, relative to the folder."""
    files = by_stem(folder, *patterns)
    path = ids.str.lower().map(files)
    missing = ids[path.isna()]
    if len(missing):
        raise MedshiftError(
            f"{folder}: {len(missing):,} of {len(ids):,} images are missing ({' or '.join(patterns)}), e.g. "
            f"{missing.iloc[0]}"
        )
    return path
