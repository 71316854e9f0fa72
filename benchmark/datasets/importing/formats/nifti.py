"""NIfTI volumes, whole or as axial slices: turned to the patient's axes and brought to even voxels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..options import LARGEST_CUBE, LARGEST_SIDE, Options
from ..problems import Problems, UnsupportedFile
from .nifti_header import NiftiHeader, read_header
from .reader import read_headers
from .resize import axis_weights
from .windowing import levels, percentiles, window

MIDDLE = 0.5  # of the axial direction, from which slices are taken


class NiftiReader:
    """All volumes of a data set; heads are read at once, voxels one by one.

    An oblique volume keeps its own axes, each named for the patient's axis that it is nearest to: turning it by an
    angle would smooth it.

    Args:
        root: Paths are below it.
        rows: Of existing NIfTI files.
        options: The user's.
        problems: Gets what is wrong with heads.
        progress: Called with (heads read, in all).
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
        self.rows, heads = read_headers(root, rows, read_header, problems, progress)
        for name, line, of in zip(self.rows["file"], self.rows["line"], heads, strict=True):
            if of.shape[2] < options.slices:
                problems.add(f"{name}: has {of.shape[2]} slices, --slices {options.slices} are wanted", line)
        if options.windowing == "file":
            problems.add("--window file: NIfTI brings no window; say CENTRE,WIDTH or image")
        axes = 2 if options.slices else 3
        largest = max(max(of.shape[:axes]) for of in heads)
        self.side = options.image_size or min(LARGEST_SIDE if options.slices else LARGEST_CUBE, largest)
        self.voxel = options.voxel_mm or float(np.median([max(of.extent[:axes]) for of in heads])) / self.side
        each = " x ".join([str(self.side)] * axes)
        self.notes = [f"NIfTI on the patient's axes, {each} of {self.voxel:.3g} mm, cropped or padded about the centre"]
        if options.slices:
            few = sum(round(of.shape[2] * MIDDLE) < options.slices for of in heads)
            wider = f", of more than the half in {few:,} that have too few there" if few else ""
            self.notes.append(f"{options.slices} axial slices of the middle half of each volume{wider}")
            self.rows, heads = self._sliced(heads), [of for of in heads for _ in range(options.slices)]
        self._heads = heads
        how = options.windowing
        self.dtype: Literal["uint8", "uint16", "float32"] = "float32" if how == "none" else "uint16"
        self.value_range: tuple[float, float] | None = None
        self.notes.append(
            {
                "none": "values as they are; the least and greatest of the set are 0 and 1 (--window narrows them)",
                "image": "each volume scaled from its 0.5th to its 99.5th percentile",
            }.get(how, f"window {options.window}")
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, D, H, W): head to foot, front to back, left to right; (1, H, W) of slices."""
        return (1, *[self.side] * (2 if self._options.slices else 3))

    def _sliced(self, heads: list[NiftiHeader]) -> pd.DataFrame:
        """Returns a row for each slice; slices of a volume share its group."""
        count = self._options.slices
        rows = self.rows.loc[self.rows.index.repeat(count)].copy()
        alone = rows["group"] == ""
        if alone.any() and not self._options.group_pattern:
            rows.loc[alone, "group"] = rows["file"][alone]
            self.notes.append("EACH VOLUME IS A GROUP OF ITS OWN: name the patient with --group-pattern or split_group")
        rows["slice"] = [str(index) for of in heads for index in middle_slices(of.shape[2], count)]
        rows["sample_id"] = rows["file"] + "#" + rows["slice"]
        return rows.reset_index(drop=True)

    def image(self, index: int) -> NDArray[Any]:
        """Returns the voxels of a row, of shape `shape`.

        Raises:
            Unfit: The volume has NaN, or one value only.
            Exception: nibabel's own.
        """
        volume = self._volume(self._root / self.rows["file"].iloc[index])
        of = self._heads[index]
        if self._options.slices:
            volume = volume[:, :, int(self.rows["slice"].iloc[index])]
        least = volume.min()  # what lies outside of the volume
        volume = volume - least
        for axis in range(volume.ndim):
            weights = axis_weights(volume.shape[axis], of.spacing[axis], self.side, self.voxel)
            volume = np.moveaxis(np.tensordot(weights, volume, (1, axis)), 0, axis)
        turned = (volume + least).T[..., ::-1, :]  # front above, the patient's left on the left
        if turned.ndim == 3:
            turned = turned[::-1]  # the head first
        turned = np.ascontiguousarray(turned)
        return levels(np.clip(turned, 0, 1))[None] if self.dtype == "uint16" else turned.astype(np.float32)[None]

    def _volume(self, path: Path) -> NDArray[np.float32]:
        if self._last[0] != path:  # the slices of a volume come one after the other
            self._last = (path, _grey(path, self._options))
        return self._last[1]


def middle_slices(count: int, wanted: int) -> list[int]:
    """Returns the indices of slices spread evenly over the middle half, or over more where they are too few."""
    span = min(count, max(wanted, round(count * MIDDLE)))
    first = (count - span) / 2
    return [int(first + (index + 0.5) * span / wanted) for index in range(wanted)]


def _grey(path: Path, options: Options) -> NDArray[np.float32]:
    """Returns a volume on the patient's axes: grey levels 0 to 1 with a window, else its own values."""
    import nibabel

    image: Any = nibabel.as_closest_canonical(nibabel.load(path))  # type: ignore[no-untyped-call]
    values = np.asarray(image.dataobj, dtype=np.float32).reshape(image.shape[:3])
    if not np.isfinite(values).all():
        raise UnsupportedFile(f"{int((~np.isfinite(values)).sum()):,} of {values.size:,} voxels are NaN or infinite")
    if values.min() == values.max():
        raise UnsupportedFile(f"every voxel is {values.min():g}")
    if options.windowing == "none":
        return values
    made = (
        percentiles(values) if options.fixed_window is None else window(values, *options.fixed_window, "LINEAR_EXACT")
    )
    return made.astype(np.float32)
