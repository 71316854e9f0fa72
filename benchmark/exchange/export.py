"""Writes the images of every condition as files, for models that cannot be run through medshift; no test labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ...shifts.errors import MedshiftError
from ...shifts.fingerprints import fingerprint
from ...shifts.plugins import own_distribution
from ..datasets.dataset import Dataset
from ..files.atomic import write_text
from ..protocols import protocol as protocols
from ..protocols.protocol import Protocol
from . import writers
from .layout import Format, Part, depth, parts, size
from .readme import readme

EXPORT_FILE = "export.json"
CONDITIONS_FILE = "conditions.csv"  # written last: an export that has it is complete
IDS_FILE = "ids.csv"  # written last in each folder


def export(
    dataset: Dataset,
    protocol: Protocol,
    table: pd.DataFrame,
    out: Path,
    form: Format,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Part]:
    """Writes an export, or what is missing of one, and returns its folders.

    Args:
        dataset: The images.
        protocol: The terms.
        table: Their truth, with a column `row`.
        out: The folder to make.
        form: `npy`, an array a folder, or `png`, a file an image.
        progress: Called with the number of images that are there, and of all.

    Raises:
        MedshiftError: The folder holds something else, PNG cannot hold the images, or the disk is too small.
    """
    kind = depth(dataset, protocol)
    if form == "png" and (len(dataset.spatial) != 2 or dataset.channels not in ((1, 3) if kind == "uint8" else (1,))):
        what = f"{len(dataset.spatial)}-D images with {dataset.channels} channels of type {kind}"
        raise MedshiftError(f"PNG cannot hold {what}: take --format npy")
    made = parts(protocol, table)
    empty = [part.condition.key for part in made if part.tested and not len(part.rows)]
    if empty:
        raise MedshiftError(f"condition {empty[0]!r} has no images: leave its domain out with --targets")
    _claim(out, dataset, protocol, form, kind)
    missing = [part for part in made if not (out / part.folder / IDS_FILE).exists()]
    total, done = sum(len(part.rows) for part in made), 0
    _, needed = size(missing, dataset, protocol, form)
    free = shutil.disk_usage(out).free
    if form == "npy" and needed > free:
        raise MedshiftError(
            f"{out} needs {needed / 1e9:.2f} GB more, its disk has {free / 1e9:.2f}: choose another --out"
        )
    protocols.write(protocol, out)
    write_text(out / "README.md", readme(protocol, form, kind, dataset.channels, dataset.spatial))
    write = writers.npy if form == "npy" else writers.png
    for part in made:
        if part in missing:
            for count in write(out / part.folder, part, dataset, protocol, kind):
                progress(done + count, total)
            write_text(out / part.folder / IDS_FILE, writers.ids(part, protocol, form))
        done += len(part.rows)
        progress(done, total)
    write_text(out / CONDITIONS_FILE, writers.conditions(made))
    return made


def fingerprints(out: Path, protocol: Protocol) -> dict[str, str]:
    """Returns the fingerprints of the shifts that an export was made with.

    Raises:
        MedshiftError: The folder is no export, or one of another protocol.
    """
    made = _read(out)
    if made is None or made.get("protocol") != protocol.sha256:
        raise MedshiftError(f"{out} is no export of protocol {protocol.name!r}: its {EXPORT_FILE} lacks or differs")
    found = made.get("shifts")
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _claim(out: Path, dataset: Dataset, protocol: Protocol, form: Format, kind: str) -> None:
    """Writes what the folder is to hold, or checks that it is what is there."""
    mine: dict[str, object] = {
        "schema": "medshift-export/1",
        "medshift": own_distribution(),
        "protocol": protocol.sha256,
        "data": dataset.digest(),
        "format": form,
        "type": kind,
        "shifts": {name: fingerprint(name) for name in protocol.shifts},
    }
    there = _read(out)
    if there is None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise MedshiftError(f"{out} exists and is no export: choose another --out")
        write_text(out / EXPORT_FILE, json.dumps(mine, indent=1, ensure_ascii=False) + "\n")
        return
    other = [key for key in mine if mine[key] != there.get(key)]
    if other:
        raise MedshiftError(f"{out} holds another export (other {', '.join(other)}): choose another --out or remove it")


def _read(out: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((out / EXPORT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
