"""Stream a data set into the store: memory is bounded by one block, and the result is complete or absent."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.atomic import sha256
from ...files.disk import require_disk
from .. import store
from ..dataset import COLUMNS, Dataset
from ..facts import DatasetFacts
from ..streaming.rows import write_header
from .staging import check_free, staged_folder


@dataclass(frozen=True)
class Content:
    """A data set without its pixel values.

    Args:
        table: See `Dataset`; one row per image, in the order in which they are written.
        shape: (C, *spatial) of an image.
        dtype: uint8, uint16 or float32.
        classes: Names of the labels 0..K-1.
        modality: One of `shifts.catalogue.MODALITIES`, or `any`.
        value_range: Pixel values that become 0 and 1; by default the full scale of integers, the range of floats.
        licence: Terms of use.
        citation: What to cite.
        notes: How the images were read.
    """

    table: pd.DataFrame
    shape: tuple[int, ...]
    dtype: Literal["uint8", "uint16", "float32"]
    classes: tuple[str, ...]
    modality: str = "any"
    value_range: tuple[float, float] | None = None
    licence: str = ""
    citation: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def size(self) -> int:
        """Bytes of the pixels."""
        return len(self.table) * math.prod(self.shape) * np.dtype(self.dtype).itemsize


def pack(
    name: str, content: Content, blocks: Iterable[NDArray[Any]], closing: Callable[[], Iterable[str]] = tuple
) -> Dataset:
    """Store a data set under a name, and open it.

    The same content gives the same bytes. An interruption leaves no data set; if the unfinished folder could not be
    removed, the next call does so.

    Args:
        name: A free name.
        content: The data set without its pixels.
        blocks: Pixels (n, *shape) in the order of the table. Iterating must raise MedshiftError if an image cannot be
            read: an OSError would be reported as one of writing.
        closing: Called after the last block; returns further notes, which only the pixels can give.

    Raises:
        MedshiftError: The name is taken, pixels are not finite or do not match the rows, or the disk has no room.
    """
    check_free(name)
    require_disk(store.root(), content.size, "the images", "set MEDSHIFT_HOME to a folder on a larger disk")
    with staged_folder(name) as part:
        write_into(part, name, content, blocks, closing, store.folder(name))
    return store.read(store.folder(name))


def write_into(
    part: Path,
    name: str,
    content: Content,
    blocks: Iterable[NDArray[Any]],
    closing: Callable[[], Iterable[str]],
    place: Path,
) -> None:
    """Write a data set as the store keeps it into an empty folder, and rename that once it is complete.

    Args:
        part: The empty folder.
        name: Name of the data set.
        content: The data set without its pixels.
        blocks: As for `pack`.
        closing: As for `pack`.
        place: What the folder becomes.

    Raises:
        MedshiftError: As for `pack`.
    """
    try:
        stamp, least, most = _write_pixels(part / store.PIXELS, content, blocks)
        content.table.reset_index(drop=True).to_parquet(part / store.TABLE, index=False, compression="zstd")
        with (part / store.TABLE).open("rb+") as file:
            os.fsync(file.fileno())
        content = replace(content, notes=(*content.notes, *closing()))
        described = _describe(name, part, content, stamp, (least, most))
        text = described.model_dump_json(by_alias=True, indent=1)
        (part / store.FACTS).write_text(text + "\n", encoding="utf-8", newline="\n")
        store.read(part)  # raises where table and pixels are not what they should be
        part.rename(place)
    except OSError as error:
        raise MedshiftError(f"{part} cannot be written: {error.strerror or error}") from error


def _write_pixels(path: Path, content: Content, blocks: Iterable[NDArray[Any]]) -> tuple[store.Stamp, float, float]:
    """Write the array file; return its size and hash, and the least and greatest value."""
    digest, size, done = hashlib.sha256(), 0, 0
    least, most = math.inf, -math.inf
    dtype = np.dtype(content.dtype).newbyteorder("<")
    count = len(content.table)
    with path.open("wb") as file:
        write_header(file, (count, *content.shape), dtype)
        file.flush()
        head = path.read_bytes()
        digest.update(head)
        size += len(head)
        for block in blocks:
            if block.shape[1:] != content.shape or block.dtype != dtype:
                raise ValueError(f"a block of {block.dtype} {block.shape}, not {dtype} {content.shape}")
            if len(block):
                low, high = float(block.min()), float(block.max())
                if not math.isfinite(low + high):
                    row = int(np.isfinite(block).reshape(len(block), -1).all(axis=1).argmin()) + done
                    raise MedshiftError(f"{content.table['sample_id'].iloc[row]}: holds NaN or infinite values")
                least, most = min(least, low), max(most, high)
            data = np.ascontiguousarray(block).data.cast("B")
            file.write(data)
            digest.update(data)
            size, done = size + len(data), done + len(block)
        if done != count:
            raise MedshiftError(f"got {done} images for a table of {count} rows")
        file.flush()
        os.fsync(file.fileno())
    return store.Stamp(bytes=size, sha256=digest.hexdigest()), least, most


def _describe(
    name: str, part: Path, content: Content, pixels: store.Stamp, measured: tuple[float, float]
) -> store.Stored:
    value_range = content.value_range
    if value_range is None and content.dtype == "float32":
        value_range = measured
    if value_range is not None and not value_range[0] < value_range[1]:
        raise MedshiftError(f"all pixels of {name!r} are {value_range[0]:g}")
    named = [*COLUMNS, *(["split"] if "split" in content.table else [])]
    text = content.table[named].to_csv(index=False, lineterminator="\n")
    whole = hashlib.sha256(f"{pixels.sha256} {content.classes} {value_range} {text}".encode()).hexdigest()
    table = part / store.TABLE
    return store.Stored(
        dataset=DatasetFacts(
            name=name,
            version=whole[:12],  # changes with pixels and labels, not with the name
            classes=content.classes,
            modality=content.modality,
            channels=content.shape[0],
            image_size=content.shape[1:],
            licence=content.licence,
            citation=content.citation,
        ),
        count=len(content.table),
        dtype=content.dtype,
        value_range=value_range,
        notes=content.notes,
        pixels=pixels,
        table=store.Stamp(bytes=table.stat().st_size, sha256=sha256(table)),
    )


def in_blocks(images: Iterable[NDArray[Any]], size: int = 64) -> Iterator[NDArray[Any]]:
    """Stack images (*shape) into blocks (n, *shape) of at most `size`."""
    held: list[NDArray[Any]] = []
    for image in images:
        held.append(image)
        if len(held) == size:
            yield np.stack(held)
            held = []
    if held:
        yield np.stack(held)
