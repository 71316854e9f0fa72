"""Data sets that were brought in: each a folder with one packed array, one table, and checksums of both."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from ...shifts.errors import MedshiftError, in_one_line, near
from ..files.atomic import sha256
from ..files.home import home
from ..files.names import NAME, require_name
from ..files.schema import Strict, first_problem
from .dataset import Dataset
from .facts import DatasetFacts

PIXELS, TABLE, FACTS = "pixels.npy", "table.parquet", "dataset.json"


class Stamp(Strict):
    """Size and hash of a file."""

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Stored(Strict):
    """`dataset.json`: what the array and the table beside it are.

    Args:
        dataset: Name, version, classes, shape, terms.
        count: Number of images.
        dtype: Of the pixels.
        value_range: What 0 and 1 stand for; None is the full scale of an integer type.
        notes: How the images were read.
        pixels: Stamp of `pixels.npy`, (N, C, *spatial) in C order.
        table: Stamp of `table.parquet`.
    """

    schema_: Literal["medshift-data/1"] = Field(default="medshift-data/1", alias="schema")
    dataset: DatasetFacts
    count: int = Field(ge=2)
    dtype: Literal["uint8", "uint16", "float32"]
    value_range: Annotated[tuple[float, float], Field(strict=False)] | None = None
    notes: tuple[str, ...] = Field(default=(), strict=False)
    pixels: Stamp
    table: Stamp

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, *spatial)."""
        return (self.count, self.dataset.channels, *self.dataset.image_size)


def root() -> Path:
    """Returns the folder of all stored data sets."""
    return home() / "data"


def folder(name: str) -> Path:
    """Returns where the data set of that name is kept, or would be.

    Raises:
        MedshiftError: The name is none for a folder.
    """
    require_name(name, "data set")
    return root() / name


def names() -> list[str]:
    """Returns the names of all stored data sets, sorted."""
    return sorted(path.parent.name for path in root().glob(f"*/{FACTS}") if NAME.fullmatch(path.parent.name))


def facts(where: Path) -> Stored:
    """Returns what `dataset.json` of a folder says.

    Raises:
        MedshiftError: It is missing or damaged.
    """
    try:
        return Stored.model_validate_json((where / FACTS).read_bytes())
    except OSError as error:
        raise MedshiftError(f"{where / FACTS} cannot be read: {error.strerror}. {_again(where)}") from error
    except ValidationError as error:
        raise MedshiftError(f"{where / FACTS} is damaged: {first_problem(error)}. {_again(where)}") from error


def read(where: Path) -> Dataset:
    """Returns the data set of a folder: the table in memory, the pixels mapped and read when they are looked at.

    Sizes, the array's head and the table's checksum are checked, which costs milliseconds; `check` reads all pixels.

    Raises:
        MedshiftError: A file is missing, cut short, or not what `dataset.json` says.
    """
    said = facts(where)
    for name, stamp in ((PIXELS, said.pixels), (TABLE, said.table)):
        size = (where / name).stat().st_size if (where / name).is_file() else -1
        if size != stamp.bytes:
            is_there = "is missing" if size < 0 else f"has {size:,} bytes, not {stamp.bytes:,}"
            raise MedshiftError(f"{where / name} {is_there}: the data set is damaged. {_again(where)}")
    if sha256(where / TABLE) != said.table.sha256:
        raise MedshiftError(f"{where / TABLE} was changed: its checksum differs. {_again(where)}")
    return Dataset(
        name=said.dataset.name,
        version=said.dataset.version,
        classes=said.dataset.classes,
        modality=said.dataset.modality,
        table=pd.read_parquet(where / TABLE),
        pixels=_mapped(where, said),
        value_range=said.value_range,
        licence=said.dataset.licence,
        citation=said.dataset.citation,
        simulated=said.dataset.simulated,
        notes=said.notes,
    )


def check(where: Path) -> Dataset:
    """Returns the data set of a folder after every byte was compared with its checksum.

    Raises:
        MedshiftError: Bytes were changed, or `read` fails.
    """
    dataset = read(where)
    if sha256(where / PIXELS) != facts(where).pixels.sha256:
        raise MedshiftError(f"{where / PIXELS} was changed: its checksum differs. {_again(where)}")
    return dataset


def remove(name: str) -> None:
    """Deletes a stored data set.

    Raises:
        MedshiftError: There is none of that name.
    """
    where = folder(name)
    if not where.is_dir():
        raise MedshiftError(f"no stored data set {name!r}.{near(name, names())}")
    (where / FACTS).unlink(missing_ok=True)  # first: what is left of a removal that is stopped is no data set
    shutil.rmtree(where)


def _mapped(where: Path, said: Stored) -> NDArray[Any]:
    try:
        pixels: NDArray[Any] = np.load(where / PIXELS, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise MedshiftError(f"{where / PIXELS} is damaged: {in_one_line(error)}. {_again(where)}") from error
    if (pixels.shape, pixels.dtype.name) != (said.shape, said.dtype) or not pixels.flags.c_contiguous:
        raise MedshiftError(
            f"{where / PIXELS} holds {pixels.dtype} {pixels.shape}, not {said.dtype} {said.shape}. {_again(where)}"
        )
    return pixels


def _again(where: Path) -> str:
    return f"Remove it (`medshift data remove {where.name}`) and add it again"
