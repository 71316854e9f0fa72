"""Linear operators along one axis of an image, as matrices: exact, batched, and the same bytes on 1 thread and on 8.

Convolutions and `torch.fft` change in the last bit with the batch size or the number of threads, so golden pixels
would not hold; and a product with an (n, n) matrix is 10 to 20 times as fast as a depthwise convolution. All matrices
are built in float64, cached, and act on float32 images by `along`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor


def along(images: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Returns `matrix` (m, n) applied along `axis` (negative, length n) of `images` (N, C, *spatial)."""
    turned = images.movedim(axis, -1)
    return (turned @ matrix.to(images.device).T).movedim(-1, axis).contiguous()


def reflected(index: Tensor, n: int) -> Tensor:
    """Returns positions folded back into 0..n-1 as in a mirror at the image's edge: d c b a | a b c d | d c b a."""
    period = index.remainder(2 * n)
    return torch.minimum(period, 2 * n - 1 - period)


def convolution(kernel: Tensor, n: int) -> Tensor:
    """Returns (n, n) float32: correlation with a kernel (2r+1,), the image mirrored at its edges."""
    radius = (len(kernel) - 1) // 2
    rows = torch.arange(n)[:, None].expand(n, len(kernel))
    cols = reflected(rows + torch.arange(-radius, radius + 1), n)
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix.index_put_((rows, cols), kernel.double().expand(n, -1), accumulate=True)
    return matrix.float()


@lru_cache(maxsize=64)
def gaussian(n: int, sigma: float) -> Tensor:
    """Returns the (n, n) Gaussian blur of standard deviation `sigma` pixels, cut at 4 sigma, mirrored at the edges."""
    radius = max(1, math.ceil(4 * sigma))
    offset = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offset / max(sigma, 1e-6)) ** 2)
    return convolution(kernel / kernel.sum(), n)


def from_window(window: Tensor) -> Tensor:
    """Returns the (n, n) complex128 matrix that weights the frequencies of an axis: inverse DFT . diag(window) . DFT.

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
    """Returns the (n, n) projection on the central `fraction` of the axis's k-space lines, zero-filled.

    The window is symmetric about the centre, so the matrix is real; the two outermost lines it reaches are weighted by
    the share of them that lies inside, so that a small change of `fraction` is a small change of the image.
    """
    lines = torch.fft.fftfreq(n, 1 / n, dtype=torch.float64).abs()
    return from_window((fraction * n / 2 - lines + 0.5).clamp(0, 1).to(torch.complex128)).real.float()


@lru_cache(maxsize=64)
def binning(n: int, cell: float) -> Tensor:
    """Returns the (n, n) average over detector cells `cell` pixels wide, shown as blocks.

    The cells are centred on the axis. A cell that cuts through a pixel gathers, and lights up, its share of it.
    """
    count = max(1, math.ceil(n / cell))
    edges = (torch.arange(count + 1, dtype=torch.float64) - count / 2) * cell + n / 2
    left, right = edges[:-1, None], edges[1:, None]
    pixel = torch.arange(n, dtype=torch.float64)
    overlap = (torch.minimum(right, pixel + 1) - torch.maximum(left, pixel)).clamp(min=0)
    return (overlap.T @ (overlap / overlap.sum(1, keepdim=True))).float()
