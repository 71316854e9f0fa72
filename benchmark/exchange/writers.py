"""The files of an export: arrays or images, written batch by batch, and the tables that describe them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from ..datasets.dataset import Dataset
from ..files.atomic import replace
from ..protocols.protocol import Protocol
from ..runs.stream import condition_batches
from .layout import Format, Part


def _batches(part: Part, dataset: Dataset, protocol: Protocol, kind: str) -> Iterator[NDArray[Any]]:
    """Yield batches (n, *spatial, C), channels last, as most other tools expect."""
    for images in condition_batches(dataset, part.rows, protocol, part.condition):
        last: Tensor = images.movedim(1, -1)
        values: NDArray[np.float32] = last.numpy()
        yield np.rint(values * 255).astype(np.uint8) if kind == "uint8" else np.ascontiguousarray(values)


def npy(folder: Path, part: Part, dataset: Dataset, protocol: Protocol, kind: str) -> Iterator[int]:
    """Write `images.npy` batch by batch; yield the number of images written."""
    shape = (len(part.rows), *protocol.image_shape, dataset.channels)
    written = 0
    with replace(folder / "images.npy") as temporary, temporary.open("wb") as file:
        head = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, head)
        for batch in _batches(part, dataset, protocol, kind):
            file.write(batch.tobytes())
            written += len(batch)
            yield written


def png(folder: Path, part: Part, dataset: Dataset, protocol: Protocol, kind: str) -> Iterator[int]:
    """Write one file per image; yield the number of images written."""
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


def ids(part: Part, protocol: Protocol, form: Format) -> str:
    """Format a part's ids.csv, which maps images to samples."""
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


def conditions(made: list[Part]) -> str:
    """Format conditions.csv, which lists the folders to predict."""
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
