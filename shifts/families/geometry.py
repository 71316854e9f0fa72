"""Artefacts of position: field of view and angle. A finding at the very edge may leave the image, its label stays."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ..kernels import compiler, launch
from ..numerics.matrices import magnification, reflected, separable
from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_severity

FIELD_OF_VIEW = (0.97, 0.93, 0.88, 0.82, 0.75)  # fraction of each of the last two axes kept
ROTATION = (2.0, 5.0, 9.0, 14.0, 20.0)  # degrees


def field_of_view(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Show a smaller field of view at the same size: the centre, magnified (modality: any).

    Interpolated linearly. Severity is the fraction of each of the last two axes that is kept.
    """
    kept = interpolate_severity(FIELD_OF_VIEW, severity, none=1.0)
    return separable(images, *((axis, magnification(images.shape[axis], kept)) for axis in (-2, -1)))


def rotation(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Rotate patient or gantry about the centre of the last two axes, either way at random per image (modality: any).

    Bilinear; the image is mirrored at its edges to fill the corners. Severity is the angle in degrees.
    """
    degrees = interpolate_severity(ROTATION, severity, none=0.0)
    left = rng.uniform(()) < 0.5
    if compiler.usable(images):
        return _rotated(images, degrees, left)
    out = torch.empty_like(images)
    for turn, chosen in ((degrees, left), (-degrees, ~left)):
        index = chosen.nonzero().flatten()
        if len(index):
            out[index] = _turned(images[index], turn)
    return out.clamp_(0, 1)


def _rotated(images: Tensor, degrees: float, left: Tensor) -> Tensor:
    from ..kernels import resample

    height, width = images.shape[-2:]
    tables = [_sampling(height, width, turn) for turn in (degrees, -degrees)]
    one, other = ((corners.numpy(), weights.flatten(1).numpy()) for corners, weights in tables)
    out = launch.empty_output(images)
    x, y = (tensor.view(len(images), -1, height * width).numpy() for tensor in (images.contiguous(), out))
    side = left.numpy()
    launch.run_threaded(lambda i, j: resample.turned(x[i:j], side[i:j], *one, *other, y[i:j]), len(x), x.size)
    return out


def _turned(images: Tensor, degrees: float) -> Tensor:
    corners, weights = _sampling(images.shape[-2], images.shape[-1], degrees)
    pixels = images.flatten(-2).flatten(0, -2).T.contiguous()  # (H*W, planes): copies whole rows instead of pixels
    total = torch.zeros_like(pixels)
    for corner, weight in zip(corners.to(images.device), weights.flatten(1).to(images.device), strict=True):
        total += pixels.index_select(0, corner).mul_(weight[:, None])
    return total.T.reshape(images.shape)


@lru_cache(maxsize=32)
def _sampling(height: int, width: int, degrees: float) -> tuple[Tensor, Tensor]:
    """Return the four neighbours of every sampling point, (4, H*W), and their weights, (4, H, W)."""
    row = torch.arange(height, dtype=torch.float64)[:, None] - (height - 1) / 2
    col = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    y, x = cos * row - sin * col + (height - 1) / 2, sin * row + cos * col + (width - 1) / 2
    top, left = y.floor(), x.floor()
    down, right = y - top, x - left
    corners, weights = [], []
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows, cols = reflected(top.long() + dy, height), reflected(left.long() + dx, width)
        corners.append((rows * width + cols).flatten())
        weights.append((down if dy else 1 - down) * (right if dx else 1 - right))
    return torch.stack(corners), torch.stack(weights).float()
