"""JPEG compression by its definition: all lossy steps, without the entropy coding, which is lossless.

Works on batches, where libraries take one image at a time; nearly all pixels are within two grey levels of libjpeg's.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ..kernels import compiler, launch
from ..kernels.compiler import Doubles, Floats
from ..numerics.matrices import exact
from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_severity
from ..pixels import LUMA, check_pixels

JPEG = (60.0, 40.0, 26.0, 16.0, 10.0)  # quality factor of libjpeg, 1..100

# quantisation tables of ITU-T T.81, Annex K
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
TILE = 32_768  # pixels that one thread processes at a time
TIES_OUT = 1e-3  # whole grey levels put coefficients exactly between two steps: such ties round away from zero


def jpeg(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Compress as baseline JPEG: 8-bit, 4:2:0 for 3 channels, else each channel as a grey image (modality: any).

    Volumes are compressed slice by slice. Severity is libjpeg's quality factor (fractions are rounded); 50 means the
    tables of the standard's Annex K. At 100, which severities below 1 start from, grey images hardly change, but colour
    is halved in resolution as at any other quality.
    """
    quality = round(interpolate_severity(JPEG, severity, none=100.0))
    if compiler.usable(images):
        return _compressed(images, quality)
    planes = images.movedim(1, -3).flatten(0, -4)  # (N or N*D, C, H, W)
    height, width = planes.shape[-2:]
    levels = (planes * 255).round()
    if images.shape[1] == 3:
        levels = pad(levels, (0, -width % 16, 0, -height % 16), mode="replicate")
        luma, blue, red = _to_ycc(*levels.unbind(1))
        luma = _quantised(luma, LUMINANCE, quality)[..., :height, :width]
        blue, red = (
            _doubled(_quantised(_halved(chroma, height), CHROMINANCE, quality), height, width) for chroma in (blue, red)
        )
        levels = torch.stack(_to_rgb(luma, blue, red), 1)
    else:
        levels = pad(levels, (0, -width % 8, 0, -height % 8), mode="replicate").flatten(0, 1)
        levels = _quantised(levels, LUMINANCE, quality)[..., :height, :width]
    shape = (images.shape[0], *images.shape[2:-2], images.shape[1], height, width)
    return (levels.reshape(shape).movedim(-3, 1) / 255).clamp(0, 1).contiguous()


def _compressed(images: Tensor, quality: int) -> Tensor:
    planes = images.movedim(1, -3).contiguous()  # volumes slice by slice
    out = launch.empty_output(planes)
    x, y = (tensor.view(-1, *planes.shape[-3:]).numpy() for tensor in (planes, out))
    compress = _compress_colour if images.shape[1] == 3 else _compress_grey
    if False in launch.run_threaded(lambda i, j: compress(x[i:j], quality, y[i:j]), len(x), x.size):
        check_pixels(images)
    return out.movedim(-3, 1).contiguous()


def _compress_colour(x: Floats, quality: int, out: Floats) -> bool:
    """Compress images, (N, 3, H, W), into `out`; return whether all pixels of x are in [0, 1]."""
    from ..kernels import jpeg as loops

    luma_steps, chroma_steps = (_steps(table, quality).float().numpy() for table in (LUMINANCE, CHROMINANCE))
    height, width = x.shape[2:]
    h, w = height + -height % 16, width + -width % 16
    group = max(1, TILE // (h * w))
    luma, full = np.empty((group, h, w), np.float32), np.empty((2, group, h, w), np.float32)
    half = np.empty((2, group, h // 2, w // 2), np.float32)
    work, small_work = loops.room(w), loops.room(w // 2)
    in_range = True
    for start in range(0, len(x), group):
        source, result = x[start : start + group], out[start : start + group]
        count = len(source)
        in_range &= loops.to_ycc(source, luma, full)
        for chroma in range(2):
            loops.halve(full[chroma, :count], half[chroma, :count])
            half[chroma, :count, (height + 1) // 2 :] = half[chroma, :count, [(height - 1) // 2]].swapaxes(0, 1)
            loops.quantise(half[chroma, :count], chroma_steps, *_transform(), small_work)
        loops.quantise(luma[:count], luma_steps, *_transform(), work)
        loops.to_rgb(luma, half, result)
    return in_range


def _compress_grey(x: Floats, quality: int, out: Floats) -> bool:
    """Compress each channel of images as a grey image into `out`; return whether all pixels of x are in [0, 1]."""
    from ..kernels import jpeg as loops

    steps = _steps(LUMINANCE, quality).float().numpy()
    height, width = x.shape[2:]
    h, w = height + -height % 8, width + -width % 8
    x, out = x.reshape(-1, height, width), out.reshape(-1, height, width)
    group = max(1, TILE // (h * w))
    planes, work = np.empty((group, h, w), np.float32), loops.room(w)
    in_range = True
    for start in range(0, len(x), group):
        source, result = x[start : start + group], out[start : start + group]
        in_range &= loops.grey_levels(source, planes)
        loops.quantise(planes[: len(source)], steps, *_transform(), work)
        loops.from_grey_levels(planes, result)
    return in_range


def _transform() -> tuple[Floats, Doubles, float]:
    """Return the transform arguments of `kernels.jpeg.quantise`: scaled cosines, exact matrix, shift of ties."""
    plain = _cosine() * math.sqrt(8)
    plain[0] = 1
    return plain.float().numpy(), _cosines().numpy(), TIES_OUT


def _quantised(plane: Tensor, table: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    """Quantise planes (M, h, w), sides multiples of 8, in the cosine transform's domain."""
    count, height, width = plane.shape
    blocks = (plane - 128).view(count, height // 8, 8, width // 8, 8).transpose(2, 3)
    step, transform = (matrix.to(plane.device) for matrix in (_steps(table, quality), _cosines()))
    coefficients = (blocks.reshape(-1, 64).double() @ transform.T).div_(step)
    sign = coefficients.sign()
    coefficients = coefficients.abs_().add_(0.5 + TIES_OUT).floor_().mul_(sign).mul_(step)
    blocks = (coefficients @ transform).add_(128).round_().clamp_(0, 255).add_(0.0).float()  # no negative zeros
    return blocks.view(count, height // 8, width // 8, 8, 8).transpose(2, 3).reshape(count, height, width)


@lru_cache(maxsize=64)
def _steps(table: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return ((torch.tensor(table) * scale + 50) // 100).clamp(1, 255).flatten().double()


@lru_cache(maxsize=1)
def _cosine() -> Tensor:
    """Return the orthonormal cosine transform of 8 values, (8, 8) float64."""
    k = torch.arange(8, dtype=torch.float64)
    matrix = torch.cos(math.pi * k[:, None] * (2 * k + 1) / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


@lru_cache(maxsize=1)
def _cosines() -> Tensor:
    """Return the cosine transform of a flattened 8 x 8 block along both axes, (64, 64), exact in sums."""
    return exact(torch.kron(_cosine(), _cosine()))


def _halved(chroma: Tensor, height: int) -> Tensor:
    """Return the mean of each 2 x 2 block, rounding halves down and up alternately, as libjpeg does.

    Rows below the image repeat the last mean: libjpeg fills up blocks after halving.

    Args:
        chroma: (M, h, w), padded to whole blocks.
        height: Of the image, at most h.
    """
    total = chroma[..., ::2, ::2] + chroma[..., ::2, 1::2] + chroma[..., 1::2, ::2] + chroma[..., 1::2, 1::2]
    bias = 1 + torch.arange(total.shape[-1], device=chroma.device) % 2
    rows = torch.arange(total.shape[-2], device=chroma.device).clamp(max=(height - 1) // 2)
    return ((total + bias) / 4).floor()[..., rows, :]


def _doubled(chroma: Tensor, height: int, width: int) -> Tensor:
    """Upsample chroma by libjpeg's triangle filter: 9, 3, 3 and 1 sixteenths of the four nearest."""
    rows = (torch.arange(height, device=chroma.device), (height + 1) // 2)
    cols = (torch.arange(width, device=chroma.device), (width + 1) // 2)
    total = _three_to_one(_three_to_one(chroma, rows, -2), cols, -1)
    return ((total + 8 - cols[0] % 2) / 16).floor()


def _three_to_one(plane: Tensor, fine: tuple[Tensor, int], axis: int) -> Tensor:
    position, count = fine
    near = position // 2
    far = (near + position % 2 * 2 - 1).clamp(0, count - 1)
    return plane.index_select(axis, near) * 3 + plane.index_select(axis, far)


def _to_ycc(red: Tensor, green: Tensor, blue: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    luma = (red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]).round()
    to_blue = (blue * 0.5 - red * 0.168735892 - green * 0.331264108 + 128).round()
    to_red = (red * 0.5 - green * 0.418687589 - blue * 0.081312411 + 128).round()
    return luma, to_blue.clamp(0, 255), to_red.clamp(0, 255)


def _to_rgb(luma: Tensor, blue: Tensor, red: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    blue, red = blue - 128, red - 128
    green = luma - (blue * 0.344136286 + red * 0.714136286).round()
    return luma + (red * 1.402).round(), green, luma + (blue * 1.772).round()
