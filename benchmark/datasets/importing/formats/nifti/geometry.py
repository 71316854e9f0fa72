"""Voxel sizes and axes of NIfTI volumes, from units and the two forms that a header holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...problems import UnsupportedFile

IN_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
LARGEST_VOXEL_MM = 100.0  # no scanner has larger ones: a header that says so names the wrong unit


@dataclass(frozen=True)
class Geometry:
    """How the voxels of a volume lie in the patient.

    Args:
        spacing: Step along each stored axis, in mm.
        order: Which of the patient's axes (left to right, back to front, foot to head) each stored axis is nearest to.
        unit: As the header states it: meter, mm, micron or unknown.
        believed: Whether the unit was applied; metres of 100 mm and more are taken as mm.
        forms: `agree`, `disagree` (of qform and sform, if both are given), or `none` if none is.
    """

    spacing: tuple[float, float, float]
    order: tuple[int, int, int]
    unit: str
    believed: bool
    forms: str


def read_geometry(image: Any) -> Geometry:  # noqa: ANN401
    """Return the geometry of an opened volume.

    Raises:
        UnsupportedFile: Its affine gives no voxel size or no orientation.
    """
    import nibabel

    affine = np.asarray(image.affine, dtype=np.float64)
    steps = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) <= 1e-9 * np.prod(steps):
        raise UnsupportedFile("its affine gives no voxel size")
    # columns of the affine are steps along the axes
    order = nibabel.io_orientation(affine)[:, 0]  # type: ignore[no-untyped-call]
    if np.isnan(order).any():
        raise UnsupportedFile("its affine gives no orientation")
    unit = _unit(image.header)
    believed = unit != "meter" or steps.max() * IN_MM[unit] < LARGEST_VOXEL_MM
    steps = steps * (IN_MM[unit] if believed else 1.0)
    return Geometry(
        (float(steps[0]), float(steps[1]), float(steps[2])),
        (int(order[0]), int(order[1]), int(order[2])),
        unit,
        believed,
        _forms(image),
    )


def _unit(header: Any) -> str:  # noqa: ANN401
    try:
        unit = str(header.get_xyzt_units()[0])
    except (KeyError, AttributeError):  # a code of no meaning, or a format without units
        return "unknown"
    return unit if unit in IN_MM else "unknown"


def _forms(image: Any) -> str:  # noqa: ANN401
    """Tell whether qform and sform give the same axes and sizes.

    Where the origin lies does not matter: volumes are placed by their centre.
    """
    import nibabel

    try:
        (first, _), (second, _) = image.get_qform(coded=True), image.get_sform(coded=True)
    except (AttributeError, ValueError, np.linalg.LinAlgError):  # another format, or a quaternion of no rotation
        return "agree"
    if first is None and second is None:
        return "none"
    if first is None or second is None:
        return "agree"
    first, second = first[:3, :3], second[:3, :3]
    voxel = np.sqrt((second**2).sum(axis=0)).max()
    corner = np.array(image.shape[:3]) / 2
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1)
    apart = np.linalg.norm((first - second) @ (corner[:, None] * signs), axis=0).max()
    ways = [nibabel.io_orientation(nibabel.affines.from_matvec(form)) for form in (first, second)]  # type: ignore[no-untyped-call]
    return "agree" if apart <= voxel and np.array_equal(ways[0], ways[1], equal_nan=True) else "disagree"
