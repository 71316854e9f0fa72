"""Linear operators along one axis of images, as matrices: the same bytes in any batch and on any processor.

The last bit of convolutions, `torch.fft` and float32 matrix products depends on the batch size, the number of threads
and the kernel a library picks, because the order of summation does. Here no sum is ever rounded: pixels and matrix
entries are whole multiples of 2**-24, so their products are multiples of 2**-48, and float64 holds every sum of them
below 2**5 exactly, in any order. This takes two to eight times as long as float32, and still less than a depthwise
convolution with 11 taps; on the CPU, `kernels.separable` does it in compiled loops.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ..kernels import compiler

FINE = 2.0**24  # steps per unit: the resolution of float32 just below white
BAND = 32  # rows of a matrix that are applied together


def along(images: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Apply a matrix along one axis of the images; the result is float32, the same bytes in any batch.

    Args:
        images: (N, C, *spatial) float32, rounded to multiples of 2**-24 first.
        matrix: (m, n) float64 from `exact`; a row's absolute sum times the largest pixel must stay below 32.
        axis: Negative index of the axis, of length n, and m in the result.
    """
    n, after = images.shape[axis], math.prod(images.shape[images.ndim + axis + 1 :])
    shape = list(images.shape)
    shape[axis] = len(matrix)
    steps, matrix = (images * FINE).round_().double(), matrix.to(images.device)
    steps = steps.reshape(-1, n) if after == 1 else steps.reshape(-1, n, after)
    out = torch.empty(len(steps), len(matrix), *steps.shape[2:], device=images.device)
    for rows, cols in _bands(matrix):
        # with nothing after the axis, the product from the right is the faster one
        part = steps[:, cols] @ matrix[rows, cols].T if after == 1 else matrix[rows, cols] @ steps[:, cols]
        out[:, rows] = part
    return out.mul_(1 / FINE).view(shape)


def separable(images: Tensor, *products: tuple[int, Tensor], clip: bool = True) -> Tensor:
    """Apply square matrices along axes of the images one after another, as `along` does.

    Args:
        images: (N, C, *spatial) float32.
        products: Pairs of a negative spatial axis and its matrix.
        clip: Return the magnitude, clipped to 1, as in an image; otherwise the values themselves.
    """
    if compiler.usable(images) and images.numel():
        from ..kernels.separable import separable as compiled

        return compiled(images, products, clip=clip)
    for axis, matrix in products:
        images = along(images, matrix, axis)
    return images.abs().clamp_(0, 1) if clip else images


def _bands(matrix: Tensor) -> list[tuple[slice, slice]]:
    """Split a matrix into blocks that hold all its nonzero entries: slices of rows, and of the columns they reach.

    Skipping zeros changes no exact sum; a narrow blur needs a fraction of the products, and little memory at a time.
    """
    m = len(matrix)
    bands = []
    for start in range(0, m, BAND):
        reached = (matrix[start : start + BAND] != 0).any(0).nonzero()
        first, last = (int(reached[0]), int(reached[-1])) if len(reached) else (0, 0)
        bands.append((slice(start, min(m, start + BAND)), slice(first, last + 1)))
    return bands


def exact(matrix: Tensor) -> Tensor:
    """Round a matrix's entries to multiples of 2**-24, float64, as `along` needs them.

    A zero is positive: the sign of what rounds to it is chance, and depends on the instruction set.
    """
    return (matrix.double() * FINE).round() / FINE + 0.0


def reflected(index: Tensor, n: int) -> Tensor:
    """Fold positions back into 0..n-1 by mirroring at the image's edges: d c b a | a b c d | d c b a."""
    period = index.remainder(2 * n)
    return torch.minimum(period, 2 * n - 1 - period)


def convolution(kernel: Tensor, n: int) -> Tensor:
    """Return the (n, n) correlation with a kernel (2r+1,), mirrored at the edges."""
    radius = (len(kernel) - 1) // 2
    rows = torch.arange(n)[:, None].expand(n, len(kernel))
    cols = reflected(rows + torch.arange(-radius, radius + 1), n)
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix.index_put_((rows, cols), kernel.double().expand(n, -1), accumulate=True)
    return exact(matrix)


@lru_cache(maxsize=64)
def gaussian(n: int, sigma: float) -> Tensor:
    """Return the (n, n) Gaussian blur of standard deviation `sigma` pixels, cut at 4 sigma, mirrored at the edges."""
    radius = max(1, math.ceil(4 * sigma))
    offset = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offset / max(sigma, 1e-6)) ** 2)
    return convolution(kernel / kernel.sum(), n)


def from_window(window: Tensor) -> Tensor:
    """Return the (n, n) complex128 matrix that weights the frequencies of an axis: inverse DFT . diag(window) . DFT.

    Args:
        window: (n,), in the order of `torch.fft.fftfreq`; real and even in frequency gives a real matrix.
    """
    n = len(window)
    order = torch.arange(n)
    phase = 2 * math.pi * ((order[:, None] * order) % n).double() / n
    dft = torch.polar(torch.ones_like(phase), -phase)
    return dft.conj() @ (window[:, None] * dft) / n


@lru_cache(maxsize=64)
def truncation(n: int, fraction: float) -> Tensor:
    """Return the (n, n) projection on the central `fraction` of the axis's k-space lines, zero-filled.

    The window is symmetric about the centre, so the matrix is real; the two outermost lines are weighted by the
    fraction of them that lies inside, so that a small change of `fraction` is a small change of the image. The centre
    is kept whole, and with it the mean, however few lines there are.

    Of an even number of lines the outermost, at -n/2, has no partner: 1.0 keeps half of it, and only 1 + 1/n is the
    identity. Shifts interpolate to 1.0 below severity 1 all the same, as the curves of stored audits do.
    """
    lines = torch.fft.fftfreq(n, 1 / n, dtype=torch.float64).abs()
    window = (fraction * n / 2 - lines + 0.5).clamp(0, 1)
    window[0] = 1
    return exact(from_window(window.to(torch.complex128)).real)


@lru_cache(maxsize=64)
def binning(n: int, cell: float) -> Tensor:
    """Return the (n, n) average over detector cells `cell` pixels wide, shown as blocks.

    The cells are centred on the axis. Pixels that are cut by the edge of a cell are shared between its neighbours.
    """
    count = max(1, math.ceil(n / cell))
    edges = (torch.arange(count + 1, dtype=torch.float64) - count / 2) * cell + n / 2
    left, right = edges[:-1, None], edges[1:, None]
    pixel = torch.arange(n, dtype=torch.float64)
    overlap = (torch.minimum(right, pixel + 1) - torch.maximum(left, pixel)).clamp(min=0)
    return exact(overlap.T @ (overlap / overlap.sum(1, keepdim=True)))


@lru_cache(maxsize=64)
def unit_noise(n: int, sigma: float) -> Tensor:
    """Return the (n, n) Gaussian blur with rows of unit norm: correlates white noise and keeps its variance."""
    matrix = gaussian(n, sigma)
    return exact(matrix / matrix.square().sum(1, keepdim=True).sqrt())


@lru_cache(maxsize=64)
def magnification(n: int, kept: float) -> Tensor:
    """Return the (n, n) linear interpolation that spreads the central fraction `kept` of the axis over its length."""
    position = ((torch.arange(n, dtype=torch.float64) + 0.5 - n / 2) * kept + n / 2 - 0.5).clamp(0, n - 1)
    return exact((1 - (position[:, None] - torch.arange(n)).abs()).clamp(min=0))
