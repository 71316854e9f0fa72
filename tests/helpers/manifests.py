"""Small sets of pictures with a manifest of any form, opened without the store."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medshift.benchmark.datasets.importing.collection import Collection, open_collection
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError

HEAD = ("image", "label", "domain", "split_group")
SIDE = 8


def pictures(where: Path, names: Sequence[str]) -> list[str]:
    """Write an image of other noise under each name."""
    for number, name in enumerate(names):
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).save(path)
    return list(names)


def make_set(where: Path, labels: Sequence[str], **csv_format: Any) -> list[list[str]]:
    """Write an image per label, of the domains A and B in turn, and `manifest.csv`; return its rows."""
    names = pictures(where, [f"im/{index}.png" for index in range(len(labels))])
    rows = [
        [name, label, "AB"[index % 2], f"p{index}"]
        for index, (name, label) in enumerate(zip(names, labels, strict=True))
    ]
    write_manifest(where, [HEAD, *rows], **csv_format)
    return rows


def write_manifest(where: Path, rows: Sequence[Sequence[str]], **csv_format: Any) -> Path:
    """Write `manifest.csv` in the form of the csv module's options."""
    path = where / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **csv_format).writerows(rows)
    return path


def opened(where: Path, **options: Any) -> Collection:
    """Open a set and read all its images."""
    found = open_collection(where, Options(**options))
    assert sum(1 for _ in found.images()) == len(found.table)
    return found


def labels_of(found: Collection) -> list[str]:
    """Return the name of the class of every image."""
    return [found.classes[label] for label in found.table["label"]]


def complaints(where: Path, **options: Any) -> list[str]:
    """Return the lines with which a set is refused."""
    with pytest.raises(MedshiftError) as error:
        opened(where, **options)
    return [line.strip() for line in str(error.value).splitlines()]
