"""One picture per modality, made here: nobody's images are embedded in a page.

The MR slice comes from the simulator of `brain-mri-sim`. The others are drawn by formulas; they show what such images
are made of (edges, textures, colours), not anatomy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array: TypeAlias = NDArray[np.float64]
SIDE = 112  # pixels
DEPTH = 28  # slices of a volume, four pixels apart
ROW, COLUMN = np.meshgrid(*(np.linspace(-1, 1, SIDE),) * 2, indexing="ij")


def picture(modality: str) -> NDArray[np.float32]:
    """Draw the picture of a modality, (channels, SIDE, SIDE) in [0, 1]."""
    return np.asarray(np.clip(DRAWN[modality](), 0, 1), dtype=np.float32)


def volume() -> NDArray[np.float32]:
    """Draw a CT volume, (1, DEPTH, SIDE, SIDE); thick slices show in a plane across them."""
    planes = [_ct(height) for height in np.linspace(-0.9, 0.9, DEPTH)]
    return np.asarray(np.clip(np.stack(planes, axis=1), 0, 1), dtype=np.float32)


def _blob(row: float, column: float, height: float, width: float, soft: float = 0.015, angle: float = 0.0) -> Array:
    """Draw an ellipse, 1 inside and 0 outside, with a soft rim."""
    cos, sin = np.cos(angle), np.sin(angle)
    down, right = ROW - row, COLUMN - column
    radius = np.hypot((cos * down - sin * right) / height, (sin * down + cos * right) / width)
    return np.asarray(1 / (1 + np.exp(np.clip((radius - 1) * min(height, width) / soft, -50, 50))))


def _over(base: Array, mask: Array, value: float | Array) -> Array:
    return np.asarray(base * (1 - mask) + value * mask)


def _random(name: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=name))


def _texture(name: int, coarse: int) -> Array:
    """Draw smooth noise with mean 0, about `coarse` bumps across."""
    small = _random(name).normal(size=(coarse, coarse)).astype(np.float32)
    large = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(large, dtype=np.float64)


def _colour(*channels: Array | float) -> Array:
    return np.stack([np.broadcast_to(np.asarray(channel, dtype=np.float64), (SIDE, SIDE)) for channel in channels])


@cache
def _mr() -> Array:
    """Take a slice of the first simulated patient of the source, widened to a square."""
    from ...datasets.brain_mri_sim.build import acquire
    from ...datasets.brain_mri_sim.sites import SCANNERS, SOURCE

    (scanner,) = (row for row in SCANNERS if row.site == SOURCE)
    _, images, _ = acquire(scanner, [0])
    slice_ = images[0, 1]
    missing = slice_.shape[0] - slice_.shape[1]
    square = np.pad(slice_, ((0, 0), (missing // 2, missing - missing // 2)), mode="edge")
    small = Image.fromarray(square.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64)[None]


def _ct(height: float = 0.0) -> Array:
    """Draw a trunk: skin, fat, organs, spine, ribs and vessels."""
    size = np.sqrt(max(0.05, 1 - 0.35 * height**2))
    image = np.full((SIDE, SIDE), 0.02)
    image = _over(image, _blob(0, 0, 0.72 * size, 0.92 * size), 0.34)
    image = _over(image, _blob(0, 0, 0.64 * size, 0.84 * size), 0.47)
    image = _over(image, _blob(-0.08 + 0.1 * height, -0.42, 0.40 * size, 0.34 * size), 0.58)
    image = _over(image, _blob(-0.02, 0.45, 0.26 * size, 0.22 * size), 0.54 + 0.06 * height)
    image = _over(image, _blob(0.10, 0.10 + 0.1 * height, 0.09, 0.09), 0.70)
    image = _over(image, _blob(0.42, 0.0, 0.15, 0.17), 0.88)
    image = _over(image, _blob(0.38, 0.0, 0.05, 0.05), 0.5)
    for turn in np.linspace(0.25, 2 * np.pi - 0.25, 12):
        tilt = turn + 0.5 * height
        image = _over(image, _blob(0.60 * size * np.cos(tilt), 0.80 * size * np.sin(tilt), 0.045, 0.045), 0.92)
    image = _over(image, _blob(-0.15 + 0.25 * height, -0.50, 0.07, 0.07), 0.42)
    return (image + 0.008 * _texture(1, 30))[None]


def _xray() -> Array:
    """Draw a chest: lungs, heart, spine and ribs."""
    image = 0.58 + 0.1 * ROW + 0.02 * _texture(2, 9)
    for side in (-1, 1):
        image = _over(image, _blob(-0.02, 0.43 * side, 0.68, 0.33, 0.03, -0.12 * side), 0.2 + 0.02 * _texture(3, 12))
    image = _over(image, _blob(0.25, 0.13, 0.36, 0.34, 0.03, 0.5), 0.66)
    image = _over(image, np.exp(-((COLUMN / 0.10) ** 2)), 0.76)
    for rib in range(8):
        arc = ROW + 0.78 - 0.2 * rib - 0.22 * np.abs(COLUMN) ** 1.5
        band = np.exp(-((arc / 0.030) ** 2)) * (np.abs(COLUMN) < 0.88)
        image = image + 0.14 * band
    for level in np.arange(-0.9, 0.95, 0.17):
        image = image + 0.05 * np.exp(-(((ROW - level) / 0.02) ** 2) - (COLUMN / 0.1) ** 4)
    return np.asarray(image)[None]


def _fundus() -> Array:
    """Draw a retina: disc, macula and branching vessels inside of the round field."""
    field = _blob(0, 0, 0.96, 0.96, 0.01)
    light = 0.85 - 0.25 * (ROW**2 + COLUMN**2) + 0.02 * _texture(4, 20)
    vessels = np.zeros((SIDE, SIDE))
    for side, start in ((-1, 0.9), (1, 0.9), (-1, 0.45), (1, 0.45), (-1, 1.5), (1, 1.4)):
        along = np.clip(0.48 - COLUMN, 0, None)
        course = ROW - side * start * np.sqrt(along) * (1 - 0.35 * along)
        width = 0.026 - 0.008 * along
        vessels = np.maximum(vessels, np.exp(-((course / width) ** 2)) * (COLUMN < 0.5))
    light = light * (1 - 0.35 * _blob(0.05, -0.22, 0.2, 0.2, 0.08))
    disc = _blob(0.0, 0.5, 0.16, 0.14, 0.02)
    red, green, blue = 0.88 * light, 0.42 * light - 0.22 * vessels, 0.20 * light - 0.08 * vessels
    red = red - 0.15 * vessels
    return _colour(*(_over(c, disc, v) * field for c, v in ((red, 0.97), (green, 0.80), (blue, 0.48))))


def _dermoscopy() -> Array:
    """Draw a mole on skin with a pigment network and two hairs."""
    skin = 1 + 0.02 * _texture(5, 14)
    rim = 0.05 * _texture(6, 6)
    mole = np.asarray(1 / (1 + np.exp(np.clip((np.hypot(ROW / 0.55, COLUMN / 0.66) + rim - 1) * 14, -50, 50))))
    network = 0.5 + 0.5 * np.sin(24 * (ROW + 0.1 * _texture(7, 7))) * np.sin(24 * (COLUMN + 0.1 * _texture(8, 7)))
    dark = np.clip(mole * (0.62 + 0.25 * network + 0.12 * _blob(0.1, 0.1, 0.25, 0.3, 0.1)), 0, 1)
    courses = [ROW - start - slope * COLUMN - 0.2 * COLUMN**2 for start, slope in ((-0.6, 0.3), (0.3, -0.8))]
    hairs = sum(np.exp(-((course / 0.012) ** 2)) for course in courses)
    channels = [skin * base * (1 - depth * dark) for base, depth in ((0.88, 0.52), (0.68, 0.74), (0.60, 0.78))]
    return _colour(*(channel * (1 - 0.75 * np.minimum(hairs, 1)) for channel in channels))


def _microscopy(nuclei: tuple[float, float, float] = (0.36, 0.22, 0.52)) -> Array:
    """Draw stained tissue: pink stroma, glands as rings of nuclei, white gaps."""
    stroma = 0.06 * np.sin(9 * ROW + 4 * COLUMN + 1.5 * _texture(9, 6)) + 0.03 * _texture(10, 25)
    channels = [base + share * stroma for base, share in ((0.90, 0.5), (0.62, 1.2), (0.76, 0.8))]
    mask = np.zeros((SIDE, SIDE))
    rng = _random(11)
    for row, column, radius in ((-0.45, -0.4, 0.34), (0.35, 0.42, 0.40), (0.62, -0.55, 0.22), (-0.55, 0.62, 0.20)):
        lumen = _blob(row, column, 0.6 * radius, 0.6 * radius, 0.015)
        channels = [_over(channel, lumen, 0.97) for channel in channels]
        for turn in np.arange(0, 2 * np.pi, 0.13 / radius):
            place = row + radius * np.sin(turn), column + radius * np.cos(turn)
            mask = np.maximum(mask, _blob(*place, 0.062, 0.042, 0.01, turn))
    for row, column, angle in rng.uniform(-1, 1, (45, 3)):
        mask = np.maximum(mask, 0.85 * _blob(row, column, 0.03, 0.055, 0.01, 2 * angle))
    grain = 0.05 * _texture(12, 40)
    return _colour(*(_over(c, mask, value + grain) for c, value in zip(channels, nuclei, strict=True)))


def _blood() -> Array:
    """Draw a smear under Giemsa's stain: red cells and a white cell with a lobed nucleus."""
    channels = [np.full((SIDE, SIDE), base) for base in (0.93, 0.90, 0.91)]
    for row, column in _random(13).uniform(-1.05, 1.05, (26, 2)):
        if np.hypot(row, column) > 0.62:
            cell = _blob(row, column, 0.19, 0.18, 0.012) * (1 - 0.4 * _blob(row, column, 0.08, 0.08, 0.03))
            channels = [_over(c, cell, v) for c, v in zip(channels, (0.87, 0.66, 0.66), strict=True)]
    body = _blob(0, 0, 0.44, 0.46, 0.015)
    channels = [_over(c, body, v + 0.02 * _texture(14, 30)) for c, v in zip(channels, (0.78, 0.70, 0.84), strict=True)]
    for row, column in ((-0.18, -0.12), (0.06, -0.2), (0.18, 0.06), (-0.05, 0.2)):
        lobe = _blob(row, column, 0.17, 0.15, 0.015)
        value = 0.04 * _texture(15, 16)
        channels = [_over(c, lobe, v + value) for c, v in zip(channels, (0.37, 0.24, 0.58), strict=True)]
    return _colour(*channels)


def _ultrasound() -> Array:
    """Draw a sector: layers, a cyst with enhancement below, a bright interface; the speckle is the shift's to add."""
    depth, angle = np.hypot(ROW + 1.15, COLUMN), np.arctan2(COLUMN, ROW + 1.15)
    sector = (np.abs(angle) < 0.72) & (depth > 0.25) & (depth < 2.1)
    image = 0.42 + 0.07 * np.sin(11 * depth + _texture(16, 5)) + 0.05 * _texture(17, 30) - 0.06 * (depth - 1)
    image = image + 0.3 * np.exp(-(((depth - 0.62 - 0.05 * np.cos(5 * angle)) / 0.025) ** 2))
    image = _over(image, _blob(-0.02, -0.18, 0.26, 0.22, 0.02), 0.06)
    image = image + 0.2 * np.exp(-(((angle + 0.16) / 0.12) ** 4)) / (1 + np.exp(-(depth - 1.42) * 40))
    image = _over(image, _blob(0.35, 0.38, 0.10, 0.16, 0.03), 0.8)
    return np.asarray(image * sector)[None]


def _oct() -> Array:
    """Draw a section through the retina: layers with a dip at the fovea."""
    dip = 0.26 * np.exp(-((COLUMN / 0.28) ** 2))
    image = np.full((SIDE, SIDE), 0.04)
    edges = (-0.35, -0.24, -0.10, 0.0, 0.14, 0.22, 0.30, 0.36)
    values = (0.72, 0.48, 0.60, 0.34, 0.56, 0.26, 0.90)
    for (top, bottom), value in zip(pairwise(edges), values, strict=True):
        share = (0.36 - top) / 0.71, (0.36 - bottom) / 0.71
        inside = (top + dip * share[0] < ROW) & (bottom + dip * share[1] >= ROW)
        image = np.where(inside, value, image)
    below = np.clip(ROW - 0.36, 0, None)
    image = np.where(ROW > 0.36, 0.52 * np.exp(-2.5 * below) + 0.05 * _texture(18, 14), image)
    return np.asarray(image + 0.02 * _texture(19, 40))[None]


DRAWN: Mapping[str, Callable[[], Array]] = {
    "mr": _mr,
    "ct": _ct,
    "xray": _xray,
    "fundus": _fundus,
    "dermoscopy": _dermoscopy,
    "microscopy": _microscopy,
    "blood": _blood,
    "ultrasound": _ultrasound,
    "oct": _oct,
}
TITLES: Mapping[str, str] = {
    "mr": "simulated MR slice",
    "ct": "drawing of a CT slice",
    "xray": "drawing of a radiograph",
    "fundus": "drawing of a fundus photograph",
    "dermoscopy": "drawing of a dermoscopy image",
    "microscopy": "drawing of stained tissue",
    "blood": "drawing of a blood smear",
    "ultrasound": "drawing of an ultrasound image",
    "oct": "drawing of an OCT section",
}
