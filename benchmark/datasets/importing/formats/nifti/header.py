"""Headers of NIfTI files, read without the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...problems import UnsupportedFile
from .geometry import read_geometry
from .opening import open_volume

MOST_VOXELS = 500_000_000


@dataclass(frozen=True)
class NiftiHeader:
    """Header of a volume reoriented to the patient's axes: left to right, back to front, foot to head.

    Args:
        shape: Voxels along each axis.
        spacing: Voxel size in mm.
        unit: As `Geometry`, as all below.
        believed: Whether the unit was applied.
        forms: Whether qform and sform agree.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    unit: str
    believed: bool
    forms: str

    @property
    def extent(self) -> tuple[float, ...]:
        """Size in mm."""
        return tuple(count * step for count, step in zip(self.shape, self.spacing, strict=True))


def read_header(path: Path) -> NiftiHeader:
    """Read the header of a volume, reoriented to the patient's axes.

    Raises:
        UnsupportedFile: It is not a single volume, too large, or lacks a voxel size.
        Exception: Whatever nibabel raises.
    """
    image = open_volume(path)
    shape = image.shape
    if len(shape) == 2:
        across = " x ".join(map(str, shape))
        raise UnsupportedFile(f"is {across}; only volumes are read: save it as {across} x 1 (--slices 1 keeps it flat)")
    if len(shape) < 3 or any(count != 1 for count in shape[3:]):
        raise UnsupportedFile(f"is {' x '.join(map(str, shape))}; only files of one volume are read")
    if min(shape) < 1 or int(np.prod(shape, dtype=object)) > MOST_VOXELS:
        raise UnsupportedFile(f"{' x '.join(map(str, shape))} voxels; the most is {MOST_VOXELS:,}")
    if image.get_data_dtype().fields or image.get_data_dtype().kind == "c":
        raise UnsupportedFile(f"values are {image.get_data_dtype()}; only one real number per voxel is read")
    geometry = read_geometry(image)
    by_patient = np.argsort(geometry.order)
    return NiftiHeader(
        (int(shape[by_patient[0]]), int(shape[by_patient[1]]), int(shape[by_patient[2]])),
        (geometry.spacing[by_patient[0]], geometry.spacing[by_patient[1]], geometry.spacing[by_patient[2]]),
        geometry.unit,
        geometry.believed,
        geometry.forms,
    )
