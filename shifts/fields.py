"""Artefacts that multiply or add a field: coils, lamps, lenses, grids and detector rings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from .rng import Addressed
from .severity import at

BIAS_FIELD = (0.22, 0.5, 1.0, 2.0, 4.0)  # brightest over darkest gain, less 1
VIGNETTING = (0.15, 0.30, 0.45, 0.62, 0.80)  # light lost in the corners
GRID_LINES = (0.04, 0.08, 0.13, 0.20, 0.32)  # light lost behind a line
RING_ARTEFACT = (0.015, 0.025, 0.04, 0.065, 0.10)  # standard deviation over rings, full scale = 1

DEGREE = 3
LINE_PX = (3.0, 9.0)  # distance of grid lines after aliasing
FAULTY = 0.4  # share of the radii whose detector element is off


def bias_field(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """A smooth gain: receive coil or uneven lamp (modalities: MR, fundus, dermoscopy, microscopy).

    The log of the gain is a Legendre series up to total degree 3 with normal coefficients, divided by the degree, and
    of mean zero over the image: the geometric mean of the gain is 1, so this is no change of brightness in disguise.
    Severity is the ratio of the greatest to the least gain, less 1: severities 1 and 2 are about the 20 % and 40 % of
    BrainWeb (Collins et al., IEEE TMI 1998).
    """
    spatial = images.shape[2:]
    basis, degrees = _legendre(tuple(spatial))
    weights = rng.normal((len(basis),)).cpu().double() / degrees
    log = torch.zeros(len(images), basis[0].numel(), dtype=torch.float64)
    for weight, field in zip(weights.unbind(1), basis.flatten(1), strict=True):  # a matrix product may add otherwise
        log += weight[:, None] * field
    span = (log.amax(1) - log.amin(1)).clamp(min=1e-9)
    log = log * (math.log1p(at(BIAS_FIELD, severity, none=0.0)) / span)[:, None]
    return (images * log.exp().float().view(-1, 1, *spatial).to(images.device)).clamp(0, 1)


@lru_cache(maxsize=2)  # of a volume of 96 x 96 x 96 it is 134 MB
def _legendre(spatial: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Returns fields (K, *spatial) of mean zero and their degrees (K,), float64."""
    axes = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in spatial]
    grids = np.meshgrid(*axes, indexing="ij")
    powers = [p for p in np.ndindex(*(DEGREE + 1,) * len(spatial)) if 0 < sum(p) <= DEGREE]
    fields = []
    for power in powers:
        factors = [np.polynomial.Legendre.basis(p)(grid) for p, grid in zip(power, grids, strict=True)]
        field = np.prod(factors, axis=0)
        fields.append(field - field.mean())
    return torch.tensor(np.stack(fields)), torch.tensor([float(sum(p)) for p in powers], dtype=torch.float64)


def vignetting(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """Fall-off of light towards the corners by the cosine-fourth law, over the last two axes.

    Modalities: fundus, dermoscopy, microscopy. Severity is the share of light lost in the corners.
    """
    lost = at(VIGNETTING, severity, none=0.0)
    tangent2 = _radius(images.shape[-2:]).square() * ((1 - lost) ** -0.5 - 1)
    gain: Tensor = (1 + tangent2).pow(-2).float()
    return (images * gain.to(images.device)).clamp(0, 1)


def grid_lines(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """Shadow of an anti-scatter grid, or its alias: darker stripes across the columns (modality: X-ray).

    The distance of the lines, 3 to 9 pixels, and their phase are drawn per image. Severity is the share of light lost
    behind a line.
    """
    low, high = LINE_PX
    draw = rng.uniform((2,)).cpu().double()
    cycles = torch.arange(images.shape[-1]) / (low + (high - low) * draw[:, :1]) + draw[:, 1:]
    shadow = 0.5 + 0.5 * (2 * math.pi * cycles).cos()
    gain = (1 - at(GRID_LINES, severity, none=0.0) * shadow).float().to(images.device)
    return (images * gain.view(-1, *(1,) * (images.ndim - 2), images.shape[-1])).clamp(0, 1)


def ring_artefact(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """Rings about the centre from elements of a detector that are off in gain (modality: CT), the same in all slices.

    A gain becomes an offset with the logarithm that makes attenuation of counts, so the rings are added. Four
    in ten of the radii, one pixel apart, are off by a normal draw. Severity is its standard deviation where full white
    is 1.
    """
    radius = _radius(images.shape[-2:]).flatten() * math.hypot(*images.shape[-2:]) / 2
    inner = radius.floor().long()
    count = int(inner.max()) + 2
    level = rng.normal((count,)) * at(RING_ARTEFACT, severity, none=0.0)
    level = torch.where(rng.uniform((count,)) < FAULTY, level, 0.0).cpu()
    share = (radius - inner).float()
    rings = level[:, inner] * (1 - share) + level[:, inner + 1] * share
    shape = (-1, *(1,) * (images.ndim - 3), *images.shape[-2:])
    return (images + rings.to(images.device).view(shape)).clamp(0, 1)


def _radius(spatial: Sequence[int]) -> Tensor:
    """Returns the distance from the centre, (H, W) float64, 1 at the outer edge of a corner pixel."""
    row, col = (torch.arange(n, dtype=torch.float64) + 0.5 - n / 2 for n in spatial)
    return (row[:, None].square() + col.square()).sqrt() / (math.hypot(*spatial) / 2)
