"""A data set: a table of samples, their pixels, and what describes them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...shifts.catalogue import MODALITIES
from ...shifts.errors import MedshiftError, near
from .images import FULL_SCALE
from .streaming.rows import read_blocks

if TYPE_CHECKING:
    import pandas as pd  # half a second in every process of a method

COLUMNS = ("sample_id", "label", "domain", "group")
CHANNELS = (1, 2, 3, 4)  # of images as they usually are


class DatasetError(MedshiftError):
    """A data set is not what it must be; the message is the first problem.

    Args:
        problems: All that was found.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems[0])
        self.problems = tuple(problems)


def channels_last(shape: Sequence[int]) -> bool:
    """Return whether pixels of a shape are (N, H, W, C) rather than (N, C, H, W), as far as it can be told."""
    first, *sides, last = shape[1:]
    beside = (first, *sides)
    alike = max(beside) <= 4 * min(beside)  # long, narrow images with many channels are not meant
    return alike and last in CHANNELS and last != 2 and last < min(beside) and first not in CHANNELS


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
        DatasetError: Table and pixels do not match, or are invalid; the message says where.
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
        """Check everything that can be checked without the splits, but for the values of pixels."""
        problems = [f"data set {self.name!r}{problem}" for problem in self._problems()]
        if problems:
            raise DatasetError(problems)
        coded = [name for name in self.table if self.table[name].dtype.name == "category"]
        if coded:  # a category that no row has would count as a domain without images
            plain = {name: self.table[name].cat.categories.dtype for name in coded}
            object.__setattr__(self, "table", self.table.astype(plain))
        if self.table["label"].dtype.kind not in "iu":  # whole numbers, as is checked above: 1.0 names no class
            object.__setattr__(self, "table", self.table.astype({"label": np.int64}))
        if list(self.table.index) != list(range(len(self.table))):  # of joined tables, a name may stand for two rows
            object.__setattr__(self, "table", self.table.reset_index(drop=True))

    def _problems(self) -> Iterator[str]:
        yield from self._word_problems()
        lacking = [name for name in COLUMNS if name not in self.table]
        if lacking:
            yield f": its table lacks {', '.join(lacking)}"
        yield from self._pixel_problems()
        yield from self._range_problems()
        for column in ("sample_id", "domain", "group"):
            empty = self.table[column].isna() if column in self.table else None
            if empty is not None and empty.any():
                yield f": row {int(empty.to_numpy().argmax())} of its table has no {column}"
        if "sample_id" in self.table:
            repeated = self.table["sample_id"][self.table["sample_id"].duplicated()]
            if len(repeated):
                yield f": sample id {repeated.iloc[0]!r} occurs twice"
        if self.modality not in (*MODALITIES, "any"):
            yield f": unknown modality {self.modality!r}.{near(self.modality, MODALITIES)}"
        if "label" in self.table:
            yield from self._label_problems()

    def _pixel_problems(self) -> Iterator[str]:
        pixels, shape = self.pixels, tuple(self.pixels.shape)
        if pixels.dtype == object:
            sizes = sorted({str(np.shape(image)) for image in pixels.flat})[:2]
            yield f": its images differ in size, e.g. {' and '.join(sizes)}: bring them to one, for one array of pixels"
            return
        if len(self.table) != len(pixels) or pixels.ndim not in (4, 5):
            yield f": {len(self.table)} rows for pixels {shape}; they must be (N, C, H, W) or (N, C, D, H, W)"
        elif channels_last(shape):
            axes = "(N, H, W, C)" if len(shape) == 4 else "(N, D, H, W, C)"
            yield (
                f": pixels {shape} look like {axes}, with {shape[1]} channels as they are; channels come first: "
                "np.moveaxis(pixels, -1, 1)"
            )
        if pixels.dtype.name not in (*FULL_SCALE, "float32"):
            yield f": pixels are {pixels.dtype}, not uint8, uint16 or float32"
        if pixels.dtype.name == "float32" and self.value_range is None:
            yield ": float pixels need their value_range: (low, high), which become 0 and 1"

    def _word_problems(self) -> Iterator[str]:
        for what, word in (("name", self.name), ("version", self.version)):
            if not isinstance(word, str) or not word:
                yield f": its {what} must be a text, not {word!r}"
        names = self.classes
        distinct = isinstance(names, tuple) and all(isinstance(each, str) and each for each in names)
        if not distinct or len(set(names)) < len(names):
            yield f": classes must be a tuple of different names, not {names!r}"

    def _range_problems(self) -> Iterator[str]:
        if self.value_range is None:
            return
        try:
            low, high = self.value_range
            rising = math.isfinite(low) and math.isfinite(high) and low < high
        except (TypeError, ValueError):
            rising = False
        if not rising:
            yield f": value_range must be two rising numbers, the values of black and white, not {self.value_range!r}"

    def _label_problems(self) -> Iterator[str]:
        labels = self.table["label"].infer_objects()
        numbers = labels.dtype.kind in "iufb"
        odd = (labels.isna() | (labels != labels.round())).to_numpy() if numbers else np.ones(len(labels), dtype=bool)
        if odd.any():
            value = labels[odd].tolist()[0]
            yield (
                ": labels must be whole numbers, the places of their classes, without gaps; "
                f"{self._first(odd)} has {value!r}"
            )
            return
        most = len(self.classes) - 1
        outside = ~labels.between(0, most).to_numpy()
        if outside.any():
            hint = (
                "; images without labels do not belong here: give their folder with --unlabelled DIR"
                if (labels == -1).any()
                else ""
            )
            yield f": labels must be 0..{most}; {self._first(outside)} has {labels[outside].iloc[0]}{hint}"
        elif labels.nunique() < 2:
            only = self.classes[int(labels.iloc[0])] if len(labels) else "none"
            yield f" has images of one class only ({only}); two are needed"

    def _first(self, wrong: NDArray[np.bool_]) -> str:
        """Name the first row that is wrong, by its number and sample id."""
        row = int(wrong.argmax())
        name = f" ({self.table['sample_id'].iloc[row]!r})" if "sample_id" in self.table else ""
        return f"row {row}{name}"

    def value_problems(self) -> list[str]:
        """List float pixels that no run can take: NaN, and values outside the value range. All pixels are read."""
        if self.pixels.dtype != np.float32 or self.value_range is None:
            return []
        low, high = self.value_range
        slack = 1e-4 * (high - low)  # of rounding, as in `to_unit`
        nan, least, most = [], [], []
        for block in read_blocks(self.pixels):
            flat = block.reshape(len(block), -1)
            nan.append(np.isnan(flat).any(1))
            least.append(np.fmin.reduce(flat, axis=1))
            most.append(np.fmax.reduce(flat, axis=1))
        lows, highs = np.concatenate(least), np.concatenate(most)
        outside = (lows < low - slack) | (highs > high + slack)
        found = []
        for wrong, of, way in (
            (np.concatenate(nan), "holds NaN", "replace it, e.g. by the value of black"),
            (outside, "", "give the value_range of the pixels, or scale or clip them"),
        ):
            if not wrong.any():
                continue
            row = int(wrong.argmax())
            what = of or f"has values from {lows[row]:g} to {highs[row]:g}, outside its value_range {low:g} to {high:g}"
            count = f" ({int(wrong.sum()):,} of {len(wrong):,} images)"
            found.append(f"data set {self.name!r}: {self._first(wrong)} {what}{count}: {way}")
        return found

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
