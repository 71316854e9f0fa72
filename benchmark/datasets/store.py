"""Stored data sets: each a folder with one packed array, one table, and checksums of both."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from ...shifts.errors import MedshiftError, in_one_line, near
from ..files.atomic import sha256
from ..files.home import home
from ..files.names import NAME, require_name
from ..files.schema import Strict, first_problem
from .facts import DatasetFacts

if TYPE_CHECKING:  # lists of data sets are shown without pandas and NumPy
    from numpy.typing import NDArray

    from .dataset import Dataset

PIXELS, TABLE, FACTS = "pixels.npy", "table.parquet", "dataset.json"


class Stamp(Strict):
    """Size and hash of a file."""

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Stored(Strict):
    """`dataset.json`: describes the array and the table beside it.

    Args:
        dataset: Name, version, classes, shape, terms.
        count: Number of images.
        dtype: Type of the pixels.
        value_range: Pixel values that become 0 and 1; None is the full scale of an integer type.
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
    """Return the folder of all stored data sets."""
    return home() / "data"


def folder(name: str) -> Path:
    """Return the folder of a stored data set, whether it exists or not.

    Raises:
        MedshiftError: The name is invalid.
    """
    require_name(name, "data set")
    return root() / name


def names() -> list[str]:
    """Return the names of all stored data sets, sorted."""
    return sorted(path.parent.name for path in root().glob(f"*/{FACTS}") if NAME.fullmatch(path.parent.name))


def facts(where: Path) -> Stored:
    """Read `dataset.json` of a folder.

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
    """Open the data set of a folder: the table in memory, the pixels memory-mapped and read on access.

    Sizes, the array's header and the table's checksum are checked, which takes milliseconds; `check` reads all pixels.

    Raises:
        MedshiftError: A file is missing, truncated, or not what `dataset.json` says.
    """
    import pandas as pd

    from .dataset import Dataset

    stored = facts(where)
    for name, stamp in ((PIXELS, stored.pixels), (TABLE, stored.table)):
        size = (where / name).stat().st_size if (where / name).is_file() else -1
        if size != stamp.bytes:
            wrong = "is missing" if size < 0 else f"has {size:,} bytes, not {stamp.bytes:,}"
            raise MedshiftError(f"{where / name} {wrong}: the data set is damaged. {_again(where)}")
    if sha256(where / TABLE) != stored.table.sha256:
        raise MedshiftError(f"{where / TABLE} was changed: its checksum differs. {_again(where)}")
    return Dataset(
        name=stored.dataset.name,
        version=stored.dataset.version,
        classes=stored.dataset.classes,
        modality=stored.dataset.modality,
        table=pd.read_parquet(where / TABLE),
        pixels=_mapped(where, stored),
        value_range=stored.value_range,
        licence=stored.dataset.licence,
        citation=stored.dataset.citation,
        simulated=stored.dataset.simulated,
        notes=stored.notes,
    )


def check(where: Path) -> Dataset:
    """Open the data set of a folder after comparing every byte with its checksum.

    Raises:
        MedshiftError: Bytes were changed, or `read` fails.
    """
    _require_stored(where)
    dataset = read(where)
    if sha256(where / PIXELS) != facts(where).pixels.sha256:
        raise MedshiftError(f"{where / PIXELS} was changed: its checksum differs. {_again(where)}")
    return dataset


def remove(name: str) -> str:
    """Delete a stored data set; of one that is a link to another folder, the link alone.

    Returns:
        The folder that such a link led to, whose files are kept; empty for none.

    Raises:
        MedshiftError: No data set has that name, or it cannot be deleted.
    """
    where = folder(name)
    try:
        if where.is_symlink():  # to a folder that the user put elsewhere, which is not medshift's to delete
            target = str(where.readlink())
            where.unlink()
            return target
        _require_stored(where)
        (where / FACTS).unlink(missing_ok=True)  # first: what an interrupted removal leaves is not a data set
        shutil.rmtree(where)
        return ""
    except OSError as error:
        raise MedshiftError(f"{error.filename or where} cannot be removed: {error.strerror or error}") from error


def _require_stored(where: Path) -> None:
    if not where.is_dir():
        raise MedshiftError(f"no stored data set {where.name!r}.{near(where.name, names())}")


def _mapped(where: Path, stored: Stored) -> NDArray[Any]:
    import numpy as np

    try:
        pixels: NDArray[Any] = np.load(where / PIXELS, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise MedshiftError(f"{where / PIXELS} is damaged: {in_one_line(error)}. {_again(where)}") from error
    if (pixels.shape, pixels.dtype.name) != (stored.shape, stored.dtype) or not pixels.flags.c_contiguous:
        raise MedshiftError(
            f"{where / PIXELS} holds {pixels.dtype} {pixels.shape}, not {stored.dtype} {stored.shape}. {_again(where)}"
        )
    return pixels


def _again(where: Path) -> str:
    return f"Remove it (`medshift data remove {where.name}`) and add it again"
