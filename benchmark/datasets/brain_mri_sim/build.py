"""Makes `brain-mri-sim`: who is scanned where, where the lesions sit, and the pixels.

Every draw has its own address (seed, site, patient, purpose), so an image does not depend on what else is built or in
which order. Nor do the bytes depend on blocks, threads, load or the instruction set of an x86-64 processor: draws are
float32, all arithmetic after them is float64, and no sum that decides a pixel is left to a matrix product.

What a library still decides is the last bit of exp, log or a Fourier transform. Measured on the whole data set, between
AVX-512 and SSE4.2: before rounding, pixels (0 to 65,535) move by 1.8e-11 on average and 2.5e-9 at most, each by less
than 0.2 % of its distance to the border between two levels (the nearest of 25.6 million lies 5e-9 from one), so all
bytes are equal. Another library's last bits would change a byte with a probability of about 0.001. The mean shares that
decide where lesions and patches lie move by 3.3e-15, and are at least 3.5e-8 from their limits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import ndimage

from . import anatomy, scanner, tissue
from .processes import scan_blocks
from .sites import SCANNERS, SOURCE, Scanner
from .tissue import TISSUES, Array

SEED = 20251
PATIENTS = {row.site: 280 if row.site == SOURCE else 80 for row in SCANNERS}
SLICES = 6
PATCH = 64
BLOCK = 1  # patients at once: more take more memory and more time

HEIGHT_MNI = (-2.0, 48.0)  # mm: slices between the thalamus and the top of the lateral ventricles
RADIUS_MM = (2.0, 4.0)
STRETCH = 0.2  # standard deviation of the log of the ellipsoid's axes
EDGE_MM = 0.4  # softness of its rim
OFF_CENTRE = 18  # px: how far from the patch's centre the lesion may sit, so it stays >= 8 px inside
MARGIN = 8  # px around a patch, in which the slice's lesion may not lie when the patch is to show none
DEEP_WHITE = 0.9  # mean share of white matter over 7x7 px around a lesion's centre
IN_BRAIN = 0.85  # share of a patch
CANDIDATES = 512


@dataclass(frozen=True)
class Site:
    """Positions of the two patches and the lesion in one slice.

    Attributes:
        corners: (2, 2) row and column of the patches' first pixel; the lesion lies in the first.
        centre: (3,) of the lesion: mm above the slice, row, column.
        axes: (3,) half axes in mm.
        angle: rotation in the plane, radians.
        severity: see `tissue.lesion_parameters`.
        name_of_first: "a" or "b", by a coin, so that names do not tell.
    """

    corners: NDArray[np.int64]
    centre: Array
    axes: Array
    angle: float
    severity: float
    name_of_first: str


def address(*parts: object) -> np.random.Generator:
    """Make the random generator of an address; the same address always gives the same numbers."""
    key = hashlib.blake2b("\x1f".join(map(str, (SEED, *parts))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def build(
    home: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    patients: Mapping[str, int] | int | None = None,
    processes: int = 1,
) -> tuple[pd.DataFrame, NDArray[np.uint16]]:
    """Simulate the whole data set: the same bytes on every run, on any x86-64 processor.

    Args:
        home: not used: nothing is written, the caller caches what it gets.
        progress: called with (patients done, patients in all) before the first block and after every one.
        patients: how many at each site, by default `PATIENTS`; a smaller number keeps the first patients.
        processes: how many work at a time; 1 is this one.

    Returns:
        A table sorted by sample_id with columns sample_id, label (0 no lesion, 1 lesion), domain, group (the patient),
        lesion_row, lesion_col (px in the patch), lesion_radius_mm, lesion_severity (all NaN without lesion); and the
        pixels, (N, 1, 64, 64) uint16 over the full range, in the order of the table.
    """
    wanted = PATIENTS if patients is None else patients
    counts = {row.site: wanted if isinstance(wanted, int) else wanted[row.site] for row in SCANNERS}
    blocks = [
        (row, list(range(first, min(first + BLOCK, counts[row.site]))))
        for row in SCANNERS
        for first in range(0, counts[row.site], BLOCK)
    ]
    total, done = sum(counts.values()), 0
    tell = progress or (lambda done, total: None)
    tell(done, total)  # the first block takes longest: it makes the tissue maps
    records: list[dict[str, object]] = []
    patches: list[Array] = []
    for (_, numbers), (some, images) in zip(blocks, scan_blocks(scan, blocks, processes), strict=True):
        records += some
        patches.append(images)
        done += len(numbers)
        tell(done, total)
    table = pd.DataFrame.from_records(records)
    order = np.argsort(table["sample_id"].to_numpy(dtype=str), kind="stable")
    pixels = np.concatenate(patches)[order]
    return table.iloc[order].reset_index(drop=True), np.rint(pixels * 65535).astype(np.uint16)[:, None]


def scan(row: Scanner, numbers: list[int]) -> tuple[list[dict[str, object]], Array]:
    """Scan patients at a site: records, and patches (n, 64, 64) in [0, 1]."""
    names, images, placed = acquire(row, numbers)
    return _cut(names, row, images, placed)


def acquire(row: Scanner, numbers: list[int]) -> tuple[list[str], Array, list[list[Site]]]:
    """Scan patients at a site: names, whole slices (n, SLICES, rows, columns) in [0, 1], and the sites in them."""
    names = [f"{row.site}-p{number:03d}" for number in numbers]
    heights = np.stack([slice_heights(address(name, "heights")) for name in names])
    healthy = virtual_patients(names, heights, scanner.sub_slices(row.thickness_mm))
    middle = healthy[:, :, healthy.shape[2] // 2]
    placed = [[place(middle[p, s], address(name, "place", s)) for s in range(SLICES)] for p, name in enumerate(names)]
    fractions = add_lesions(healthy, placed, scanner.sub_slices(row.thickness_mm))
    people = np.stack([tissue.individual(row.field_t, address(name, "tissue")) for name in names])
    lesions = np.stack(
        [
            [tissue.lesion_parameters(person, site.severity) for site in sites]
            for person, sites in zip(people, placed, strict=True)
        ]
    )
    z = (heights - anatomy.SHAPE[0] / 2) / (anatomy.SHAPE[0] / 2)
    images = scanner.acquire(fractions, people, lesions, row, z, [address(name, "scan") for name in names])
    return names, images, placed


def slice_heights(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw slice heights in the scanner in mm, (SLICES,): one in each equal part of the range."""
    low, high = (mni - anatomy.MNI_OF_CENTRE[0] + anatomy.SHAPE[0] / 2 for mni in HEIGHT_MNI)
    return low + (high - low) * (np.arange(SLICES) + rng.uniform(0.1, 0.9, SLICES)) / SLICES


def virtual_patients(names: list[str], heights: NDArray[np.float64], offsets: NDArray[np.float64]) -> Array:
    """Make healthy tissue shares of the scanned planes, (P, S, K, 6, rows, columns)."""
    planes = torch.from_numpy(heights[..., None] + offsets).flatten(1)
    velocities = np.stack([anatomy.velocity(address(name, "velocity")) for name in names])
    postures = np.stack([anatomy.posture(address(name, "posture")) for name in names])
    points = anatomy.template_points(
        anatomy.integrate(torch.from_numpy(velocities)), torch.from_numpy(postures), planes
    )
    variation = np.stack([anatomy.correlated(address(name, "variation"), (SLICES, 2)) for name in names])
    repeated = torch.from_numpy(variation).repeat_interleave(len(offsets), dim=1)
    shares = anatomy.tissue_fractions(points, repeated).numpy()
    return shares.reshape(len(names), SLICES, len(offsets), *shares.shape[2:])


def place(shares: Array, rng: np.random.Generator) -> Site:
    """Draw two patches of a slice by the same rule, and put a lesion into one of them.

    A point in deep white matter is drawn, then a patch around it, off centre; the same again for the other patch, such
    that neither patch shows the other's point. Then the lesion is put at the first point, so the position of a patch
    does not reveal whether it has the lesion.

    Args:
        shares: (6, rows, columns) tissue shares of the slice's middle plane.
        rng: the slice's.

    Raises:
        RuntimeError: the slice has no room for two patches.
    """
    deep = np.argwhere(ndimage.uniform_filter(shares[TISSUES.index("white")], 7) > DEEP_WHITE)
    brain = np.pad(shares[:4].sum(0).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    points = deep[rng.integers(0, len(deep), (CANDIDATES, 2))]
    corners = points - PATCH // 2 + rng.integers(-OFF_CENTRE, OFF_CENTRE + 1, (CANDIDATES, 2, 2))
    limits = np.array(shares.shape[1:]) - PATCH
    fits = ((corners >= 0) & (corners <= limits)).all((1, 2))
    (r, c), (r2, c2) = np.moveaxis(corners.clip(0, limits), -1, 0), np.moveaxis(corners.clip(0, limits) + PATCH, -1, 0)
    share = (brain[r2, c2] - brain[r, c2] - brain[r2, c] + brain[r, c]) / PATCH**2
    gap = np.abs(points[:, ::-1] - corners - (PATCH - 1) / 2).max(-1)  # from the other point to the patch's centre
    good = np.flatnonzero(fits & (share > IN_BRAIN).all(1) & (gap > PATCH / 2 + MARGIN).all(1))
    if not len(good):
        raise RuntimeError(f"no room for two patches in a slice with {len(deep)} pixels of deep white matter")
    pick = good[0]
    axes = rng.uniform(*RADIUS_MM) * np.exp(STRETCH * rng.standard_normal(3))
    return Site(
        corners=corners[pick],
        centre=np.array([rng.uniform(-1, 1), *points[pick, 0]]),
        axes=axes.clip(*RADIUS_MM),
        angle=float(rng.uniform(0, np.pi)),
        severity=float(rng.uniform(*tissue.LESION_SEVERITY)),
        name_of_first="ab"[int(rng.integers(2))],
    )


def add_lesions(healthy: Array, placed: list[list[Site]], offsets: NDArray[np.float64]) -> Array:
    """Add lesions to tissue shares as a seventh tissue, (P, S, K, 7, rows, columns)."""
    reach = int(RADIUS_MM[1]) + 4
    fractions = np.concatenate([healthy, np.zeros_like(healthy[:, :, :, :1])], axis=3)
    step = np.arange(-reach, reach + 1, dtype=np.float64)
    up, down, right = np.meshgrid(offsets, step, step, indexing="ij")
    for p, sites in enumerate(placed):
        for s, site in enumerate(sites):
            cos, sin = np.cos(site.angle), np.sin(site.angle)
            along, across = cos * down + sin * right, cos * right - sin * down
            z, y, x = ((d / a) ** 2 for d, a in zip((up - site.centre[0], along, across), site.axes, strict=True))
            radius = np.sqrt(z + y + x)
            share = 1 / (1 + np.exp((radius - 1) * (site.axes.mean() / EDGE_MM)))
            row, col = (int(v) for v in site.centre[1:])
            box = fractions[p, s, :, :, row - reach : row + reach + 1, col - reach : col + reach + 1]
            box *= 1 - share[:, None]
            box[:, -1] = share
    return fractions


def _cut(
    names: list[str], row: Scanner, images: Array, placed: list[list[Site]]
) -> tuple[list[dict[str, object]], Array]:
    """Cut the patches out of whole slices (P, S, rows, columns), with their records."""
    records: list[dict[str, object]] = []
    patches: list[Array] = []
    for name, exam, sites in zip(names, images, placed, strict=True):
        for s, (image, site) in enumerate(zip(exam, sites, strict=True)):
            other = {"a": "b", "b": "a"}[site.name_of_first]
            for label, letter, (r, c) in zip((1, 0), (site.name_of_first, other), site.corners.tolist(), strict=True):
                patches.append(image[r : r + PATCH, c : c + PATCH])
                records.append(
                    {
                        "sample_id": f"{name}-s{s}-{letter}",
                        "label": label,
                        "domain": row.site,
                        "group": name,
                        "lesion_row": float(site.centre[1]) - r if label else np.nan,
                        "lesion_col": float(site.centre[2]) - c if label else np.nan,
                        "lesion_radius_mm": round(float(site.axes.mean()), 6) if label else np.nan,
                        "lesion_severity": site.severity if label else np.nan,
                    }
                )
    return records, np.stack(patches)
