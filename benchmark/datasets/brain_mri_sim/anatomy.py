"""Virtual patients: the ICBM152 tissue maps, deformed smoothly and sharpened towards an individual.

Maps: ICBM152 2009a nonlinear symmetric (Fonov et al., NeuroImage 2011, doi 10.1016/j.neuroimage.2010.07.033), as
shipped by nilearn. All coordinates are mm on one 1 mm grid of `SHAPE` = (slice from below, row from the front, column).
Whole volumes are never deformed: only the planes that are scanned are sampled.

Draws are float32, all arithmetic is float64 and elementwise: see `build` on what the bytes depend on.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from .tissue import Array

SHAPE = (192, 240, 200)  # the 189 x 233 x 197 mm of the template, padded to sizes with fast Fourier transforms
SPACING_MM = 8.0  # of the velocity grid
GRID = tuple(int(n / SPACING_MM) + 1 for n in SHAPE)
SMOOTH_MM = 14.0  # standard deviation of the Gaussian that correlates the velocity
DISPLACEMENT_MM = 3.0  # root mean square length
SCALE = 0.04  # uniform, of each axis
ROTATION_DEG = 4.0  # standard deviation, about each axis: nobody lies straight
SHARPNESS = 1.5  # power of the tissue probabilities
VARIATION = 0.7  # standard deviation of the log odds between tissues, correlated over 2 mm
VARIATION_MM = 2.0
MNI_OF_CENTRE = (23.0, -19.0, 1.0)  # of SHAPE / 2, in MNI mm: up, forward, right (see `maps`)
DEEP_GREY = ((6.0, -6.0, 0.0), (18.0, 28.0, 36.0))  # MNI centre and half axes mm of basal ganglia and thalamus
LAYERS_MM = (0.0, -2.0, -8.0, -14.0)  # depth of the brain's surface, inner table, outer table, skin


_shared: list[Tensor] = []  # maps that another process has made


def use_maps(path: Path) -> None:
    """Take the tissue maps from a file that another process has made of `maps`, instead of making them."""
    if not _shared:
        _shared.append(torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False)))


@functools.cache
def maps() -> Tensor:
    """Tissue maps (3, *SHAPE): white matter, grey matter, depth in mm below the brain's surface (< 0 outside)."""
    if _shared:
        return _shared[0]
    from nilearn import datasets

    loaders = (datasets.load_mni152_wm_template, datasets.load_mni152_gm_template, datasets.load_mni152_brain_mask)
    white, grey, brain = (np.asarray(load(resolution=1).dataobj, dtype=np.float32) for load in loaders)
    # one voxel of air suffices: behind the edge of the map, the nearest air is the first voxel
    inside = np.pad(brain > 0.5, 1)
    with ThreadPoolExecutor(2) as threads:
        within, outside = threads.map(ndimage.distance_transform_edt, (inside, ~inside))
    depth = (within - outside)[1:-1, 1:-1, 1:-1]
    # (right, forward, up) -> (up, row from the front, column), so that axial images look as usual.
    volumes = [np.flip(volume.transpose(2, 1, 0), axis=1) for volume in (white, grey, depth)]
    padding = [((n - m) // 2, n - m - (n - m) // 2) for n, m in zip(SHAPE, volumes[0].shape, strict=True)]
    padded = [np.pad(volumes[0], padding), np.pad(volumes[1], padding), np.pad(volumes[2], padding, mode="edge")]
    return torch.from_numpy(np.stack(padded).astype(np.float64))


def velocity(rng: np.random.Generator) -> Array:
    """Draw one patient's stationary velocity field, (3, *GRID), in mm (slice, row, column)."""
    field = rng.standard_normal((3, *GRID), dtype=np.float32).astype(np.float64)
    for axis in (1, 2, 3):
        field = ndimage.gaussian_filter1d(field, SMOOTH_MM / SPACING_MM, axis=axis, mode="wrap")
    length = np.sqrt(np.mean(np.sum(field**2, axis=0)))
    return np.asarray(field * (DISPLACEMENT_MM / length))


def integrate(velocities: Tensor, steps: int = 6) -> Tensor:
    """Integrate velocities over unit time into displacements (P, 3, *GRID) in mm.

    Scaling and squaring (Arsigny et al., MICCAI 2006): a small step is a diffeomorphism, and so is its composition with
    itself, `steps` times.
    """
    flow = velocities / float(2**steps)
    axes = [torch.arange(n, dtype=flow.dtype) * SPACING_MM for n in GRID]
    identity = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    extent = (torch.tensor(GRID, dtype=flow.dtype) - 1) * SPACING_MM
    for _ in range(steps):
        flow = flow + _sample(flow, torch.movedim(identity + flow, 1, -1), extent)
    return flow


def _sample(volumes: Tensor, points: Tensor, extent: Tensor) -> Tensor:
    """Sample volumes (P, C, *shape) at points (P, *grid, 3) in mm; `extent` is the far corner in mm."""
    unit = points.flip(-1).mul_((2 / extent).flip(-1)).sub_(1)
    return torch.nn.functional.grid_sample(volumes, unit, padding_mode="border", align_corners=True)


def posture(rng: np.random.Generator) -> Array:
    """Draw one patient's 3x3 matrix from scanner to template, about the centre: scale of each axis and rotation."""
    a, b, c = np.deg2rad(ROTATION_DEG) * rng.standard_normal(3)
    about_up = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_front = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    about_right = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(about_up @ about_front @ about_right @ np.diag(1 + rng.uniform(-SCALE, SCALE, 3)))


def template_points(displacements: Tensor, postures: Tensor, z_mm: Tensor) -> Tensor:
    """Compute the template coordinates of each pixel of the scanned planes, (P, M, rows, columns, 3) mm.

    Args:
        displacements: (P, 3, *GRID) mm, from `integrate`.
        postures: (P, 3, 3), from `posture`.
        z_mm: (P, M): height of the planes in the scanner.
    """
    patients, planes = z_mm.shape
    rows, cols = (torch.arange(n, dtype=torch.float64) for n in SHAPE[1:])
    at_z = torch.stack([_interpolate(flow, 1, z) for flow, z in zip(displacements, z_mm, strict=True)])
    moved = _interpolate(_interpolate(at_z, -2, rows), -1, cols)
    up, front, right = (n / 2 for n in SHAPE)
    points = torch.empty(patients, planes, *SHAPE[1:], 3, dtype=torch.float64)
    for axis, centre in enumerate((up, front, right)):
        a, b, c = (postures[:, axis, other, None, None, None] for other in range(3))
        turned = a * (z_mm[..., None, None] - up) + b * (rows[:, None] - front) + c * (cols - right) + centre
        torch.add(turned, moved[:, axis], out=points[..., axis])
    return points


def _interpolate(field: Tensor, axis: int, position_mm: Tensor) -> Tensor:
    """Interpolate linearly along one axis of the velocity grid at positions (n,) inside it.

    Elementwise, as a matrix product leaves the order of its sums to the library.
    """
    steps = position_mm / SPACING_MM
    low = steps.floor().long().clamp(0, field.shape[axis] - 2)
    shape = [1] * field.dim()
    shape[axis] = -1
    weight = (steps - low).reshape(shape)
    after = field.index_select(axis, low + 1).mul_(weight)
    return field.index_select(axis, low).mul_(1 - weight).add_(after)


def correlated(rng: np.random.Generator, lead: tuple[int, ...]) -> Array:
    """Draw standard normal fields (*lead, rows, columns) with a Gaussian correlation over `VARIATION_MM`."""
    field = rng.standard_normal((*lead, *SHAPE[1:]), dtype=np.float32).astype(np.float64)
    for axis in (-2, -1):
        field = ndimage.gaussian_filter1d(field, VARIATION_MM, axis=axis, mode="wrap", truncate=3)
    return np.asarray(field * (2 * VARIATION_MM * np.sqrt(np.pi)))  # a Gaussian filter's gain on white noise, undone


def tissue_fractions(points: Tensor, variation: Tensor) -> Tensor:
    """Compute healthy tissue shares at template points, (P, M, 6, rows, columns), summing to 1 inside the head.

    Order: white, grey, deep grey, CSF, bone, soft tissue (`TISSUES` without the lesion). Air is what is missing to 1.

    Args:
        points: (P, M, rows, columns, 3) mm in the template.
        variation: (P, M, 2, rows, columns): standard normal, correlated: log odds of white to grey and of CSF to grey
            in this individual.
    """
    patients, planes, height, width, _ = points.shape
    extent = torch.tensor(SHAPE, dtype=torch.float64) - 1
    flat = points.reshape(patients * planes, 1, height, width, 3)
    sampled = _sample(maps().expand(patients * planes, -1, -1, -1, -1), flat, extent)
    white, grey, depth = sampled.reshape(patients, planes, 3, height, width).unbind(2)
    floor = 1e-3
    odds = torch.stack([white, grey, 1 - white - grey], dim=2).clamp_min_(floor).log_().mul_(SHARPNESS)
    odds[:, :, 0] += VARIATION * variation[:, :, 0]
    odds[:, :, 2] += VARIATION * variation[:, :, 1]
    reach = torch.zeros_like(depth)
    for axis, sign in enumerate((1, -1, 1)):
        mni = (points[..., axis] - SHAPE[axis] / 2).mul_(sign).add_(MNI_OF_CENTRE[axis])
        reach += mni.sub_(DEEP_GREY[0][axis]).div_(DEEP_GREY[1][axis]).square_()
    deep = reach.neg_().add_(1).mul_(8).sigmoid_()
    # how far outside each surface
    brain, skull, scalp, air = ((edge - depth).add_(0.5).clamp_(0, 1) for edge in LAYERS_MM)
    shares = odds.softmax(dim=2).mul_((1 - brain)[:, :, None])
    white, grey, csf = shares.unbind(2)
    return torch.stack([white, grey * (1 - deep), grey * deep, csf + brain - skull, skull - scalp, scalp - air], dim=2)
