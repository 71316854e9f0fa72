"""Export the images of every condition, without test labels, for models that cannot be run through medshift."""

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
from ..files.wording import byte_size
from ..protocols import protocol as protocols
from ..protocols.protocol import Protocol
from ..runs.plug_ins.shifts import require_contract
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
    """Write an export, or complete an interrupted one; return its folders.

    Args:
        dataset: The images.
        protocol: The protocol.
        table: Its truth with a column `row`.
        out: The folder to create.
        form: `npy`, one array per folder, or `png`, one file per image.
        progress: Called with the number of images written and their total.

    Raises:
        MedshiftError: The folder holds something else, PNG cannot hold the images, the disk is full, or a shift of
            another package breaks its contract.
    """
    kind = depth(dataset, protocol)
    if form == "png" and (len(dataset.spatial) != 2 or dataset.channels not in ((1, 3) if kind == "uint8" else (1,))):
        what = f"{len(dataset.spatial)}-D images with {dataset.channels} channels of type {kind}"
        raise MedshiftError(f"PNG cannot hold {what}: use --format npy")
    folders = parts(protocol, table)
    empty = [part.condition.key for part in folders if part.tested and not len(part.rows)]
    if empty:
        raise MedshiftError(f"condition {empty[0]!r} has no images: leave its domain out with --targets")
    require_contract(dataset, table, protocol)
    _claim(out, dataset, protocol, form, kind)
    missing = [part for part in folders if not (out / part.folder / IDS_FILE).exists()]
    total, done = sum(len(part.rows) for part in folders), 0
    _, needed = size(missing, dataset, protocol, form)
    free = shutil.disk_usage(out).free
    if form == "npy" and needed > free:
        more, left = byte_size(needed), byte_size(free)
        raise MedshiftError(f"{out} needs {more} more, but its disk has {left}: choose another --out")
    protocols.write(protocol, out)
    write_text(out / "README.md", readme(protocol, form, kind, dataset.channels, protocol.image_shape))
    write = writers.npy if form == "npy" else writers.png
    for part in folders:
        if part in missing:
            for count in write(out / part.folder, part, dataset, protocol, kind):
                progress(done + count, total)
            write_text(out / part.folder / IDS_FILE, writers.ids(part, protocol, form))
        done += len(part.rows)
        progress(done, total)
    write_text(out / CONDITIONS_FILE, writers.conditions(folders))
    return folders


def fingerprints(out: Path, protocol: Protocol) -> dict[str, str]:
    """Return the fingerprints of the shifts applied in an export.

    Raises:
        MedshiftError: The folder is not an export of this protocol.
    """
    stored = _read(out)
    if stored is None or stored.get("protocol") != protocol.sha256:
        raise MedshiftError(
            f"{out} is not an export of protocol {protocol.name!r}: its {EXPORT_FILE} is missing or differs"
        )
    found = stored.get("shifts")
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _claim(out: Path, dataset: Dataset, protocol: Protocol, form: Format, kind: str) -> None:
    """Write what the folder will contain, or check that it is a beginning of the same export."""
    wanted: dict[str, object] = {
        "schema": "medshift-export/1",
        "medshift": own_distribution(),
        "protocol": protocol.sha256,
        "data": dataset.digest(),
        "format": form,
        "type": kind,
        "shifts": {name: fingerprint(name) for name in protocol.shifts},
    }
    stored = _read(out)
    if stored is None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise MedshiftError(f"{out} exists and is not an export: choose another --out")
        write_text(out / EXPORT_FILE, json.dumps(wanted, indent=1, ensure_ascii=False) + "\n")
        return
    different = [key for key in wanted if wanted[key] != stored.get(key)]
    if different:
        raise MedshiftError(
            f"{out} holds another export (different {', '.join(different)}): choose another --out or remove it"
        )


def _read(out: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((out / EXPORT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
