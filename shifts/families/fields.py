"""Artefacts that multiply by or add a field: coils, lamps, lenses, grids and detector rings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_severity

BIAS_FIELD = (0.22, 0.5, 1.0, 2.0, 4.0)  # ratio of the highest to the lowest gain, minus 1
VIGNETTING = (0.15, 0.30, 0.45, 0.62, 0.80)  # fraction of the stored value lost in the corners
GRID_LINES = (0.04, 0.08, 0.13, 0.20, 0.32)  # fraction of the light lost behind a line
RING_ARTEFACT = (0.015, 0.025, 0.04, 0.065, 0.10)  # standard deviation over rings, full scale = 1

DEGREE = 3  # total degree of the bias field's polynomials
LINE_PX = (3.0, 9.0)  # range of the spacing of grid lines after aliasing, in pixels
DECADES = 2.0  # of light between the black and the white of a radiograph
FAULTY = 0.4  # fraction of the radii whose detector element has a wrong gain


def bias_field(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Multiply by a smooth gain: receive coil or uneven lamp (modalities: MR, fundus, dermoscopy, microscopy).

    The log of the gain is a Legendre series up to total degree 3 with normal coefficients, divided by the degree, and
    has mean zero over the image: the geometric mean of the gain is 1, so overall brightness does not change.
    Severity is the ratio of the highest to the lowest gain, minus 1: severities 1 and 2 are about the 20 % and 40 % of
    BrainWeb (Collins et al., IEEE TMI 1998).
    """
    spatial = images.shape[2:]
    axes, powers, means = _legendre(tuple(spatial))
    degrees = powers.sum(1)
    weights = rng.normal((len(powers),)).cpu().double() / degrees
    log = _series(weights, powers.tolist(), axes)
    constant = torch.zeros(len(images), dtype=torch.float64)
    for weight, mean in zip(weights.unbind(1), means, strict=True):  # a matrix product may add in another order
        constant += weight * mean
    low, high = log.flatten(1).amin(1), log.flatten(1).amax(1)
    scale = math.log1p(interpolate_severity(BIAS_FIELD, severity, none=0.0)) / (high - low).clamp(min=1e-9)
    ones = (1,) * len(spatial)
    gain = log.sub_(constant.view(-1, *ones)).mul_(scale.view(-1, *ones)).exp_().float().to(images.device)
    return (images * gain[:, None]).clamp_(0, 1)


def _series(weights: Tensor, powers: list[list[int]], axes: Sequence[Tensor]) -> Tensor:
    """Sum products of one polynomial per axis, axis by axis, to (N, *spatial) float64.

    Args:
        weights: (N, K), one weight per product.
        powers: For each of the K products, the degree along each axis.
        axes: The polynomials along each axis, (DEGREE + 1, n) each.
    """
    grown = {tuple(power): weights[:, k].view(-1, *(1,) * len(axes)) for k, power in enumerate(powers)}
    for axis, polynomials in enumerate(axes):
        sums: dict[tuple[int, ...], Tensor] = {}
        shape = tuple(-1 if i == axis else 1 for i in range(len(axes)))
        for (degree, *rest), part in sorted(grown.items()):
            term = part * polynomials[degree].view(shape)
            key = tuple(rest)
            sums[key] = sums[key].add_(term) if key in sums else term
        grown = sums
    return grown[()]


@lru_cache(maxsize=16)
def _legendre(spatial: tuple[int, ...]) -> tuple[list[Tensor], Tensor, list[float]]:
    """Return the polynomials along each axis (DEGREE + 1, n), degrees (K, axes), and each product's mean; float64."""
    grids = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in spatial]
    axes = [np.stack([np.polynomial.Legendre.basis(p)(grid) for p in range(DEGREE + 1)]) for grid in grids]
    powers = [p for p in np.ndindex(*(DEGREE + 1,) * len(spatial)) if 0 < sum(p) <= DEGREE]
    means = [math.prod(float(axis[p].mean()) for p, axis in zip(power, axes, strict=True)) for power in powers]
    return [torch.tensor(axis) for axis in axes], torch.tensor(powers), means


def vignetting(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Darken towards the corners by the cosine-fourth law, over the last two axes.

    Modalities: fundus, dermoscopy, microscopy. Severity is the fraction of the stored value lost in the corners: where
    that is encoded with a gamma of 2.2, as in photographs, .15 is .30 of the light, and .80 is .97.
    """
    lost = interpolate_severity(VIGNETTING, severity, none=0.0)
    return (images * _falloff(tuple(images.shape[-2:]), lost).to(images.device)).clamp_(0, 1)


@lru_cache(maxsize=32)
def _falloff(spatial: tuple[int, ...], lost: float) -> Tensor:
    tangent2 = _radius(spatial).square() * ((1 - lost) ** -0.5 - 1)
    gain: Tensor = (1 + tangent2).pow(-2).float()
    return gain


def grid_lines(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add the shadow of an anti-scatter grid, or its alias: lines along the columns (modality: X-ray).

    Radiographs are stored with much attenuation bright, on a logarithmic scale of the light: a strip that takes a share
    of it adds the same everywhere, -log10(1 - s) / 2 where white and black are 100 : 1 apart, in air as in bone. The
    spacing of the lines, 3 to 9 pixels, and their phase are drawn per image. Severity is the share s.
    """
    low, high = LINE_PX
    draw = rng.uniform((2,)).cpu().double()
    cycles = torch.arange(images.shape[-1]) / (low + (high - low) * draw[:, :1]) + draw[:, 1:]
    shadow = 0.5 + 0.5 * (2 * math.pi * cycles).cos()
    light = 1 - interpolate_severity(GRID_LINES, severity, none=0.0) * shadow
    lines = (light.log10() / -DECADES).float().to(images.device)
    return (images + lines.view(-1, *(1,) * (images.ndim - 2), images.shape[-1])).clamp_(0, 1)


def ring_artefact(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add rings about the centre, from detector elements with a wrong gain (modality: CT), the same in all slices.

    The logarithm that turns counts into attenuation makes an offset of a gain, so the rings are added. Radii are one
    pixel wide; four in ten get a normal offset. Severity is its standard deviation on a scale where full white is 1;
    pixels between two radii have a mean of both offsets, which makes it 0.82 of that on average.
    """
    inner, share = _rings(tuple(images.shape[-2:]))
    count = int(inner.max()) + 2
    level = rng.normal((count,)) * interpolate_severity(RING_ARTEFACT, severity, none=0.0)
    level = torch.where(rng.uniform((count,)) < FAULTY, level, 0.0).cpu()
    rings = level[:, inner] * (1 - share) + level[:, inner + 1] * share
    shape = (-1, *(1,) * (images.ndim - 3), *images.shape[-2:])
    return (images + rings.to(images.device).view(shape)).clamp_(0, 1)


@lru_cache(maxsize=16)
def _rings(spatial: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return each pixel's inner ring, (H*W,) int64, and the fraction of the way to the next ring, float32."""
    radius = _radius(spatial).flatten() * math.hypot(*spatial) / 2
    inner = radius.floor().long()
    return inner, (radius - inner).float()


def _radius(spatial: Sequence[int]) -> Tensor:
    """Return the distance from the centre, (H, W) float64, 1 at the outer edge of a corner pixel."""
    row, col = (torch.arange(n, dtype=torch.float64) + 0.5 - n / 2 for n in spatial)
    return (row[:, None].square() + col.square()).sqrt() / (math.hypot(*spatial) / 2)
