"""NIfTI volumes, whole or as axial slices: reoriented to the patient's axes and resampled to cubic voxels."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .....files.wording import plural
from ...not_finite import nan_note
from ...notes import GraveNote
from ...options import LARGEST_CUBE, LARGEST_SIDE, Options
from ...problems import Problems, UnsupportedFile
from ..frames import ONE_OF_EACH
from ..reader import read_headers
from ..resize import axis_weights
from ..value_range import ValueRanges
from ..windowing import levels, percentiles, window
from .header import NiftiHeader, read_header
from .notes import header_notes, voxel_note
from .opening import whole_volume
from .space import common_black, unscaled

LEAST_LEFT = 2  # voxels
MIDDLE = 0.5  # fraction of the axial extent from which slices are taken


class NiftiReader:
    """All volumes of a data set; headers are read at once, voxels one by one.

    An oblique volume keeps its own axes, each assigned to the nearest axis of the patient: rotating it by an angle
    would smooth it.

    Args:
        root: Folder that the paths are relative to.
        rows: Rows of existing NIfTI files.
        options: The user's choices.
        problems: Collects what is wrong with headers.
        progress: Called with (headers read, all headers), and again with volumes where all have to be read first.
    """

    def __init__(
        self,
        root: Path,
        rows: pd.DataFrame,
        options: Options,
        problems: Problems,
        progress: Callable[[int, int], None],
    ) -> None:
        self._root, self._options, self.private = root, options, False
        self._last: tuple[Path | None, NDArray[np.float32]] = (None, np.empty(0, dtype=np.float32))
        self.rows, heads = read_headers(root, rows, read_header, NiftiHeader, problems, progress)
        for name, line, of in zip(self.rows["file"], self.rows["line"], heads, strict=True):
            if of.shape[2] < options.slices:
                has = f"has {of.shape[2]} slices, fewer than --slices {options.slices}"
                problems.add(f"{name}: {has}{ONE_OF_EACH}", line)
        if options.windowing == "file":
            problems.add("--window file: NIfTI has no window of its own; give CENTRE,WIDTH or image")
        noted = header_notes(self.rows["file"].tolist(), heads, options.slices)
        axes = 2 if options.slices else 3
        largest = max(max(of.shape[:axes]) for of in heads)
        self.side = options.image_size or min(LARGEST_SIDE if options.slices else LARGEST_CUBE, largest)
        self.voxel = options.voxel_mm or float(np.median([max(of.extent[:axes]) for of in heads])) / self.side
        for name, line, of in zip(self.rows["file"], self.rows["line"], heads, strict=True):
            if self._left_of(of, axes) < LEAST_LEFT:
                problems.add(f"{name}: {self._nothing_left(of)}", line)
        each = " x ".join([str(self.side)] * axes)
        self.notes = [voxel_note(each, self.voxel)]
        if options.slices:
            few = sum(round(of.shape[2] * MIDDLE) < options.slices for of in heads)
            wider = f", of more than half in {few:,} that have too few there" if few else ""
            self.notes.append(f"{options.slices} axial slices of the middle half of each volume{wider}")
            self.rows, heads = self._sliced(heads), [of for of in heads for _ in range(options.slices)]
        self._heads, self._black = heads, 0.0
        how = options.windowing
        self.dtype: Literal["uint8", "uint16", "float32"] = "float32" if how == "none" else "uint16"
        self.value_range: tuple[float, float] | None = None
        self.windowed = how != "none"
        self.ranges = ValueRanges(options.value_ranges, options.depth)
        self.dropped: int | list[int] = 0
        if self.ranges:
            self.dtype, self.value_range = self.ranges.choose_type("float32")
        else:
            space = [] if len(problems) or self.windowed else self._space(axes, progress)
            self.notes.append(
                {
                    "none": "unscaled values; the least and greatest of the set become 0 and 1 (--window narrows them)",
                    "image": "each volume scaled from its 0.5th to its 99.5th percentile",
                }.get(how, f"window {options.window}")
            )
            self.notes += space
        if options.nan_as:
            self.notes.append(nan_note(options.nan_as, "voxels", "volume"))
        self.notes.extend(noted)

    @property
    def floats(self) -> list[bool]:
        """Whether the values of each row are floats: all are, unless a window makes grey levels of them."""
        return [not self.windowed] * len(self.rows)

    @property
    def largest(self) -> int:
        """Number of voxels of the largest volume."""
        return max(math.prod(of.shape) for of in self._heads)

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, D, H, W): head to foot, front to back, left to right; (1, H, W) for slices."""
        return (1, *[self.side] * (2 if self._options.slices else 3))

    def _sliced(self, heads: list[NiftiHeader]) -> pd.DataFrame:
        """Return one row per slice; slices of a volume share its group."""
        count = self._options.slices
        rows = self.rows.loc[self.rows.index.repeat(count)].copy()
        alone = rows["group"] == ""
        if alone.any() and not self._options.group_pattern:
            rows.loc[alone, "group"] = rows["file"][alone]
            told = "EACH VOLUME IS ITS OWN GROUP: name the patient with --group-pattern or split_group"
            self.notes.append(GraveNote(told))
        rows["slice"] = [str(index) for of in heads for index in middle_slices(of.shape[2], count)]
        rows["sample_id"] = rows["file"] + "#" + rows["slice"]
        return rows.reset_index(drop=True)

    def image(self, index: int) -> NDArray[Any]:
        """Return the voxels of a row, in the shape `shape`.

        Raises:
            UnsupportedFile: The volume has NaN, or only one value, or only one is left of it.
            Exception: Whatever nibabel raises.
        """
        volume: NDArray[Any] = self._volume(self._root / self.rows["file"].iloc[index])
        of = self._heads[index]
        if self._options.slices:
            volume = volume[:, :, int(self.rows["slice"].iloc[index])]
        if self.ranges:
            volume = self.ranges.scale(volume, index, (0, 1))
        varied = bool(volume.min() < volume.max())  # a slice above the head may be all air
        black = self.ranges.black if self.ranges else self._black  # fills what lies outside the volume
        # float64: a library chooses the order of the sums below, and in float32 that order would decide grey levels
        volume = volume.astype(np.float64) - black
        for axis in range(volume.ndim):
            weights = axis_weights(volume.shape[axis], of.spacing[axis], self.side, self.voxel)
            volume = np.moveaxis(np.tensordot(weights, volume, (1, axis)), 0, axis)
        oriented = (volume + black).T[..., ::-1, :]  # front at the top, the patient's left on the left
        if oriented.ndim == 3:
            oriented = oriented[::-1]  # the head first
        oriented = np.ascontiguousarray(oriented)
        if self.ranges:
            made: NDArray[Any] = self.ranges.store(oriented)
        else:
            made = levels(np.clip(oriented, 0, 1)) if self.dtype == "uint16" else oriented.astype(np.float32)
        if varied and made.min() == made.max():
            raise UnsupportedFile(self._nothing_left(of))
        return made[None]

    def _space(self, axes: int, progress: Callable[[int, int], None]) -> list[str]:
        """Choose what fills the empty space around volumes that do not fill their cube, and say so.

        Args:
            axes: Number of axes that are resampled.
            progress: Called with (volumes read, all volumes).

        Raises:
            MedshiftError: Some get such space, and the least value of the volumes differs.
        """
        farthest, each = (self.side - 1) * self.voxel, slice(None, None, max(1, self._options.slices))
        names, sizes = self.rows["file"].tolist()[each], [of.extent[:axes] for of in self._heads[each]]
        smaller = [(name, size) for name, size in zip(names, sizes, strict=True) if min(size) < farthest]
        if not smaller:
            return []
        self._black = common_black(self._root, names, smaller, self._options.nan_as, self.largest, progress)
        return [
            f"space around {plural(len(smaller), 'volume')} becomes {self._black:g}, the least value of each volume"
        ]

    def _left_of(self, of: NiftiHeader, axes: int) -> float:
        """Return how many voxels are left of a volume along its longest axis, in its own voxels or the set's."""
        seen = [min(size, self.side * self.voxel) for size in of.extent[:axes]]
        return max(size / max(step, self.voxel) for size, step in zip(seen, of.spacing, strict=False))

    def _nothing_left(self, of: NiftiHeader) -> str:
        each = " x ".join(f"{step:,.4g}" for step in of.spacing)
        return (
            f"nothing is left of it: its voxels are {each} mm, those of the set {self.voxel:,.4g} mm (--voxel-mm; is "
            "the unit in its header right?)"
        )

    def closing_notes(self) -> list[str]:
        """Return what was done to how many images."""
        return self.ranges.notes()

    def _volume(self, path: Path) -> NDArray[np.float32]:
        if self._last[0] != path:  # slices of a volume follow each other
            self._last = (path, _grey(path, self._options))
        return self._last[1]


def middle_slices(count: int, wanted: int) -> list[int]:
    """Return the indices of slices spread evenly over the middle half, or over more if that has too few."""
    span = min(count, max(wanted, round(count * MIDDLE)))
    first = (count - span) / 2
    return [int(first + (index + 0.5) * span / wanted) for index in range(wanted)]


def _grey(path: Path, options: Options) -> NDArray[np.float32]:
    """Read a volume on the patient's axes: grey levels 0 to 1 with a window, else unscaled values."""
    import nibabel

    with whole_volume(path) as stored:
        image: Any = nibabel.as_closest_canonical(stored)  # type: ignore[no-untyped-call]
        values, known = unscaled(image, options.nan_as)
    if values.min() == values.max():
        raise UnsupportedFile(f"every voxel is {values.min():g}")
    if options.windowing == "none":
        return values
    if options.fixed_window is None:
        return percentiles(values, known).astype(np.float32)
    made = window(values, *options.fixed_window, "LINEAR_EXACT").astype(np.float32)
    if made.min() == made.max():
        raise UnsupportedFile(
            f"every voxel is {'above' if made.max() > 0 else 'below'} the window {options.window}: its values are "
            f"{values.min():g} to {values.max():g}"
        )
    return made
