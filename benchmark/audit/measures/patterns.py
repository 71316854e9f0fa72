"""Patterns left by the acquisition: codec blocks, uneven gain, stripes, ghosts, lines, rings."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from .planes import decibels, smooth
from .sharpness import frequencies

GRID = 8  # cells along each axis to which a gain is fitted
EMPTY = 0.5 / 255  # a cosine coefficient below half a grey level counts as zero
DARK = 0.02  # darker cells count less in the fit of the gain
GHOSTS = (3, 4, 5)  # copies per field of view


def patterns(plane: Tensor, power: Tensor) -> dict[str, Tensor]:
    """Measure patterns in planes (M, H, W) and their spectrum, (M,) each.

    - blocks: percentage of the cosine coefficients of 8 x 8 blocks that are zero, less the percentage on a grid moved
      by half a block. A codec empties coefficients on its own grid only; blur does on both.
    - joints: excess of steps across the borders of 8 x 8 blocks over those beside them, in percent of the mean step.
    - field: range of the smooth (quadratic) part of the gain, in stops.
    - corners: brightness of the corners relative to the centre, in stops, of that smooth part.
    - stripes: highest peak of the spectrum beyond 0.15 cycles per pixel over its median, in dB.
    - lines: the same for the mean over rows, between 0.1 and 0.36 cycles per pixel: vertical lines.
    - ghosts: correlation of the image with itself moved by a third, a quarter or a fifth of its height.
    - rings: percentage of the local contrast that is constant on circles around the centre.
    """
    gain = _gain(plane)
    centre = gain[:, GRID // 2 - 1 : GRID // 2 + 1, GRID // 2 - 1 : GRID // 2 + 1].flatten(1).mean(1)
    corners = gain[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(1)
    fine = plane - smooth(plane, 5)
    return {
        "blocks": 100 * (_empty(plane, 0) - _empty(plane, 4)),
        "joints": 50 * (_joints(plane) + _joints(plane.transpose(1, 2))),
        "field": gain.flatten(1).amax(1) - gain.flatten(1).amin(1),
        "corners": corners - centre,
        "stripes": _peak(power, *plane.shape[-2:]),
        "lines": _lines(fine),
        "ghosts": _ghosts(fine),
        "rings": _rings(fine),
    }


def _empty(plane: Tensor, offset: int) -> Tensor:
    height, width = ((n - offset) // 8 * 8 for n in plane.shape[-2:])
    if min(height, width) < 8:
        return torch.full((len(plane),), torch.nan)
    part = plane[:, offset : offset + height, offset : offset + width]
    blocks = part.reshape(-1, height // 8, 8, width // 8, 8).transpose(2, 3)
    coefficients = _cosines() @ blocks @ _cosines().T
    empty = (coefficients.abs() < EMPTY).float()
    empty[..., 0, 0] = 0
    return empty.flatten(1).mean(1)


def _joints(plane: Tensor) -> Tensor:
    step = plane.diff(dim=2).abs().mean(1)
    joint = torch.arange(7, step.shape[1] - 1, 8)
    if not len(joint):
        return torch.full((len(plane),), torch.nan)
    excess = step[:, joint] - (step[:, joint - 1] + step[:, joint + 1]) / 2
    return excess.mean(1) / step.mean(1).clamp(min=1e-6)


@lru_cache(maxsize=1)
def _cosines() -> Tensor:
    k = torch.arange(8.0)
    matrix = torch.cos(math.pi * k[:, None] * (2 * k + 1) / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def _gain(plane: Tensor) -> Tensor:
    """Fit a quadratic surface (M, G, G) to the log2 of coarse means; dark cells count little."""
    coarse = adaptive_avg_pool2d(plane[:, None], GRID)[:, 0].flatten(1)
    weight = (coarse / DARK).clamp(0, 1).sqrt()
    basis = _quadratic()
    left = torch.einsum("mi,ip,iq->mpq", weight, basis, basis) + 1e-4 * torch.eye(basis.shape[1])
    right = torch.einsum("mi,ip->mp", weight * coarse.clamp(min=DARK / 4).log2(), basis)
    fitted = torch.linalg.solve(left, right)[:, 1:]
    surface: Tensor = fitted @ basis[:, 1:].T
    return surface.view(-1, GRID, GRID)


@lru_cache(maxsize=1)
def _quadratic() -> Tensor:
    axis = (torch.arange(GRID) + 0.5) / GRID * 2 - 1
    y, x = (part.flatten() for part in torch.meshgrid(axis, axis, indexing="ij"))
    return torch.stack([torch.ones_like(x), x, y, x * x - 1 / 3, x * y, y * y - 1 / 3], dim=1)


def _peak(power: Tensor, height: int, width: int) -> Tensor:
    down, across = frequencies(height, width)
    radius = (down.square() + across.square()).sqrt()
    beyond = (radius > 0.15) & (down > 0.06) & (across > 0.06)
    whitened = power[:, beyond] * radius[beyond].square()
    return decibels(whitened.amax(1) / whitened.median(1).values.clamp(min=1e-12))


def _lines(fine: Tensor) -> Tensor:
    profile = fine.mean(1)
    power = torch.fft.rfft(profile * torch.hann_window(profile.shape[1])).abs().square()
    across = torch.fft.rfftfreq(profile.shape[1])
    band = power[:, (across >= 0.1) & (across <= 0.36)]
    return decibels(band.amax(1) / band.median(1).values.clamp(min=1e-12))


def _ghosts(fine: Tensor) -> Tensor:
    height = fine.shape[1]
    power = torch.fft.rfft(fine, dim=1).abs().square().mean(2)
    echo: Tensor = torch.fft.irfft(power, n=height, dim=1)
    return torch.stack([echo[:, round(height / copies)] for copies in GHOSTS]).amax(0) / echo[:, 0].clamp(min=1e-12)


def _rings(fine: Tensor) -> Tensor:
    radius, count = _radii(fine.shape[-2], fine.shape[-1])
    means = torch.zeros(len(fine), len(count)).index_add_(1, radius, fine.flatten(1)) / count
    return 100 * (means.square() * count).sum(1) / fine.flatten(1).square().sum(1).clamp(min=1e-12)


@lru_cache(maxsize=8)
def _radii(height: int, width: int) -> tuple[Tensor, Tensor]:
    row, col = (torch.arange(n) + 0.5 - n / 2 for n in (height, width))
    radius = (row[:, None].square() + col.square()).sqrt().long().flatten()
    return radius, torch.bincount(radius).clamp(min=1).float()
