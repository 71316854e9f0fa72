"""Writes the images of every condition as files, for models that cannot be run through medshift; no test labels."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from ..shifts.errors import MedshiftError
from ..shifts.fingerprint import fingerprint
from ..shifts.plugins import own_distribution
from . import protocol as protocols
from .condition import Condition
from .dataset import Dataset
from .evaluate import shown, shuffled, stream
from .export_readme import readme
from .files import replace, write_text
from .planning import safe
from .protocol import Protocol

EXPORT_FILE = "export.json"
CONDITIONS_FILE = "conditions.csv"  # written last: an export that has it is complete
IDS_FILE = "ids.csv"  # written last in each folder
Format = Literal["npy", "png"]


@dataclass(frozen=True, eq=False)
class Part:
    """One folder of an export.

    Args:
        folder: Below the export.
        rows: Of the truth, in the order in which the images are written.
        condition: Whose images; of training and adaptation images their domain as it is.
        tested: Whether predictions of it are asked for.
        labelled: Whether labels and groups are written: of the source's training and validation images alone.
    """

    folder: str
    rows: pd.DataFrame
    condition: Condition
    tested: bool = True
    labelled: bool = False


def parts(protocol: Protocol, table: pd.DataFrame) -> list[Part]:
    """Returns the folders of an export.

    All rows come in an order fixed by a hash of the sample ids, which says nothing of labels; those that are tested in
    the order of the test stream.

    Args:
        protocol: The terms.
        table: Their truth, with a column `row`.
    """

    def rows(domain: str, split: str) -> pd.DataFrame:
        return shuffled(table[(table["domain"] == domain) & (table["split"] == split)], protocol.seed)

    source = protocol.source
    made = [Part("source/train", rows(source, "train"), Condition(source, "clean"), tested=False, labelled=True)]
    for target in protocol.targets:
        found = rows(target, "adapt")
        if len(found):
            made.append(Part(f"adapt/{safe(target)}", found, Condition(target, "real"), tested=False))
    for condition in protocol.conditions():
        place = {
            "validation": "source/val",
            "clean": "test/clean",
            "real": f"test/real/{safe(condition.domain)}",
            "synthesized": f"test/synthesized/{safe(f'{condition.shift}@{condition.level}')}",
        }[condition.kind]
        labelled = condition.kind == "validation"
        made.append(Part(place, stream(protocol, table, condition), condition, labelled=labelled))
    return made


def depth(dataset: Dataset, protocol: Protocol) -> Literal["uint8", "float32"]:
    """Returns the type that holds every image exactly: uint8 where shifted images, too, are rounded to 256 levels."""
    whole = dataset.pixels.dtype == np.uint8 and dataset.value_range in (None, (0, 255))
    return "uint8" if whole and protocol.grey_levels == 256 else "float32"


def size(made: list[Part], dataset: Dataset, protocol: Protocol, form: Format) -> tuple[int, int]:
    """Returns how many images there are, and how many bytes of pixels: of PNG before they are compressed."""
    images = sum(len(part.rows) for part in made)
    width = 1 if depth(dataset, protocol) == "uint8" else 2 if form == "png" else 4
    return images, images * dataset.channels * int(np.prod(dataset.spatial)) * width


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
    write = _npy if form == "npy" else _png
    for part in made:
        if part in missing:
            for count in write(out / part.folder, part, dataset, protocol, kind):
                progress(done + count, total)
            write_text(out / part.folder / IDS_FILE, _ids(part, protocol, form))
        done += len(part.rows)
        progress(done, total)
    write_text(out / CONDITIONS_FILE, _conditions(made))
    return made


def telling(made: list[Part], protocol: Protocol) -> str:
    """Returns the first sample id of a part without labels that has the name of a class in it; empty where none has."""
    words = "|".join(re.escape(name) for name in protocol.dataset.classes)
    pattern = rf"(?i)(?:^|[^a-z0-9])(?:{words})(?:[^a-z0-9]|$)"
    for part in made:
        found = part.rows["sample_id"][part.rows["sample_id"].str.contains(pattern)] if not part.labelled else []
        if len(found):
            return str(found.iloc[0])
    return ""


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


def _batches(part: Part, dataset: Dataset, protocol: Protocol, kind: str) -> Iterator[NDArray[Any]]:
    """Yields (n, *spatial, C), channels last, as most other tools take them."""
    for images in shown(dataset, part.rows, protocol, part.condition):
        last: Tensor = images.movedim(1, -1)
        values: NDArray[np.float32] = last.numpy()
        yield np.rint(values * 255).astype(np.uint8) if kind == "uint8" else np.ascontiguousarray(values)


def _npy(folder: Path, part: Part, dataset: Dataset, protocol: Protocol, kind: str) -> Iterator[int]:
    """Writes `images.npy` batch by batch; yields how many images are written."""
    shape = (len(part.rows), *dataset.spatial, dataset.channels)
    written = 0
    with replace(folder / "images.npy") as temporary, temporary.open("wb") as file:
        head = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, head)
        for batch in _batches(part, dataset, protocol, kind):
            file.write(batch.tobytes())
            written += len(batch)
            yield written


def _png(folder: Path, part: Part, dataset: Dataset, protocol: Protocol, kind: str) -> Iterator[int]:
    """Writes a file for each image; yields how many are written."""
    from PIL import Image

    written = 0
    for batch in _batches(part, dataset, protocol, kind):
        pixels = batch if kind == "uint8" else np.rint(batch * 65535).astype(np.uint16)
        for image in pixels:
            with replace(folder / _name(written)) as temporary:
                Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(temporary, format="png")
            written += 1
        yield written


def _name(number: int) -> str:
    return f"{number:06d}.png"


def _ids(part: Part, protocol: Protocol, form: Format) -> str:
    """Returns a part's ids.csv: which image is which sample."""
    numbers = range(len(part.rows))
    table = pd.DataFrame({"file": [_name(n) for n in numbers]} if form == "png" else {"row": list(numbers)})
    if part.tested:
        table["condition"] = part.condition.key
    table["sample_id"] = part.rows["sample_id"].to_numpy()
    if part.labelled:
        table["label"] = part.rows["label"].to_numpy()
        table["class"] = [protocol.dataset.classes[label] for label in part.rows["label"]]
        table["group"] = part.rows["group"].to_numpy()
    return table.to_csv(index=False, lineterminator="\n")


def _conditions(made: list[Part]) -> str:
    """Returns conditions.csv: the folders of which predictions are asked for."""
    tested = [part for part in made if part.tested]
    rows = [
        (
            p.condition.key,
            p.folder,
            p.condition.kind,
            p.condition.domain,
            p.condition.shift,
            p.condition.level,
            len(p.rows),
        )
        for p in tested
    ]
    columns = ["condition", "folder", "kind", "domain", "shift", "severity", "images"]
    return pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n")
