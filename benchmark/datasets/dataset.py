"""A data set: a table of samples, their pixels, and what describes them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...shifts.catalogue import MODALITIES
from ...shifts.errors import MedshiftError, near
from .images import FULL_SCALE
from .streaming.rows import read_blocks

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("sample_id", "label", "domain", "group")


@dataclass(frozen=True)
class Dataset:
    """Labelled images of several domains.

    Args:
        name: Name of the data set.
        version: Changes whenever pixels or labels change.
        classes: Names of the labels 0..K-1.
        modality: One of `shifts.catalogue.MODALITIES`, or `any` where it is not known.
        table: Columns sample_id (unique str), label (int), domain (str), group (str: patient, lesion, slide), and
            optionally split; one row per sample, in the order of the pixels.
        pixels: (N, C, *spatial), uint8, uint16 or float32; may be memory-mapped.
        value_range: Pixel values that become 0 and 1; by default the full scale of integers.
        licence: Terms of use.
        citation: What to cite.
        simulated: Whether the images come from a simulator.
        notes: What a user should know of how the images were read.

    Raises:
        MedshiftError: Table and pixels do not match, or are invalid; the message says where.
    """

    name: str
    version: str
    classes: tuple[str, ...]
    modality: str
    table: pd.DataFrame
    pixels: NDArray[Any]
    value_range: tuple[float, float] | None = None
    licence: str = ""
    citation: str = ""
    simulated: bool = False
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check everything that can be checked without the splits."""
        self._check_words()
        missing = [name for name in COLUMNS if name not in self.table]
        if missing:
            raise MedshiftError(f"data set {self.name!r}: its table lacks {', '.join(missing)}")
        if len(self.table) != len(self.pixels) or self.pixels.ndim not in (4, 5):
            raise MedshiftError(
                f"data set {self.name!r}: {len(self.table)} rows for pixels {self.pixels.shape}; "
                "they must be (N, C, H, W) or (N, C, D, H, W)"
            )
        if self.pixels.dtype.name not in (*FULL_SCALE, "float32"):
            raise MedshiftError(f"data set {self.name!r}: pixels are {self.pixels.dtype}, not uint8, uint16 or float32")
        if self.pixels.dtype.name == "float32" and self.value_range is None:
            raise MedshiftError(
                f"data set {self.name!r}: float pixels need their value_range: (low, high), which become 0 and 1"
            )
        self._check_range()
        for column in ("sample_id", "domain", "group"):
            lacking = self.table[column].isna()
            if lacking.any():
                raise MedshiftError(
                    f"data set {self.name!r}: row {int(lacking.to_numpy().argmax())} of its table has no {column}"
                )
        repeated = self.table["sample_id"][self.table["sample_id"].duplicated()]
        if len(repeated):
            raise MedshiftError(f"data set {self.name!r}: sample id {repeated.iloc[0]!r} occurs twice")
        if self.modality not in (*MODALITIES, "any"):
            raise MedshiftError(
                f"data set {self.name!r}: unknown modality {self.modality!r}.{near(self.modality, MODALITIES)}"
            )
        self._check_labels()

    def _check_words(self) -> None:
        for what, word in (("name", self.name), ("version", self.version)):
            if not isinstance(word, str) or not word:
                raise MedshiftError(f"data set {self.name!r}: its {what} must be a text, not {word!r}")
        names = self.classes
        distinct = isinstance(names, tuple) and all(isinstance(each, str) and each for each in names)
        if not distinct or len(set(names)) < len(names):
            raise MedshiftError(f"data set {self.name!r}: classes must be a tuple of different names, not {names!r}")

    def _check_range(self) -> None:
        if self.value_range is None:
            return
        try:
            low, high = self.value_range
            rising = math.isfinite(low) and math.isfinite(high) and low < high
        except (TypeError, ValueError):
            rising = False
        if not rising:
            raise MedshiftError(
                f"data set {self.name!r}: value_range must be two rising numbers, the values of black and white, "
                f"not {self.value_range!r}"
            )

    def _check_labels(self) -> None:
        labels = self.table["label"].infer_objects()
        if labels.isna().any() or labels.dtype.kind not in "iufb" or not (labels == labels.round()).all():
            raise MedshiftError(
                f"data set {self.name!r}: labels must be whole numbers, the places of their classes, without gaps"
            )
        if not labels.between(0, len(self.classes) - 1).all():
            raise MedshiftError(f"data set {self.name!r}: labels must be 0..{len(self.classes) - 1}")
        if labels.nunique() < 2:
            only = self.classes[int(labels.iloc[0])] if len(labels) else "none"
            raise MedshiftError(f"data set {self.name!r} has images of one class only ({only}); two are needed")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.pixels.shape[1])

    @property
    def spatial(self) -> tuple[int, ...]:
        """Spatial shape."""
        return tuple(int(n) for n in self.pixels.shape[2:])

    @property
    def grey_levels(self) -> int:
        """Grey levels that an export rounds to: 256 for 8-bit data; 0 (no rounding) for others."""
        return 256 if self.pixels.dtype == np.uint8 else 0

    @property
    def domains(self) -> list[str]:
        """Names of the domains, largest first."""
        return [
            str(name)
            for name in self.table["domain"]
            .value_counts(sort=True)
            .sort_index()
            .sort_values(ascending=False, kind="stable")
            .index
        ]

    def digest(self) -> str:
        """Return the sha256 of name, version, classes, value range, pixels, labels, domains and groups."""
        what = (self.name, self.version, self.classes, self.value_range, self.pixels.shape, self.pixels.dtype.name)
        digest = hashlib.sha256(repr(what).encode())
        digest.update(self.table[list(COLUMNS)].to_csv(index=False, lineterminator="\n").encode())
        for block in read_blocks(self.pixels):
            digest.update(np.ascontiguousarray(block).data)
        return digest.hexdigest()
