"""Resolution: point spread, k-space matrix, slice thickness and detector pitch.

Lengths are in pixels of the image as the data set stores it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ..kernels import compiler, launch
from ..kernels.compiler import Doubles, Whole
from ..numerics.matrices import along, binning, convolution, gaussian, reflected, separable, truncation
from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_severity

PSF_BLUR = (0.6, 0.9, 1.4, 2.1, 3.2)  # standard deviation in pixels
MATRIX_REDUCTION = (0.75, 0.60, 0.45, 0.33, 0.22)  # fraction of the k-space lines kept, along each of the last two axes
DEFOCUS = (1.0, 1.4, 2.0, 2.8, 3.8)  # radius of the blur disc in pixels
MOTION_BLUR = (2.0, 3.0, 4.5, 6.5, 9.0)  # path in pixels
SLICE_THICKNESS = (1.5, 2.0, 3.0, 4.0, 6.0)  # in slices of the original
DETECTOR_BINNING = (1.4, 2.0, 2.6, 3.3, 4.2)  # width of a detector cell in pixels

DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))  # of motion: rows, columns


def psf_blur(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Blur by a Gaussian point spread along every spatial axis, mirrored at the edges (modality: any).

    Severity is its standard deviation in pixels; the full width at half maximum is 2.35 times that.
    """
    sigma = interpolate_severity(PSF_BLUR, severity, none=0.0)
    return separable(images, *((axis, gaussian(images.shape[axis], sigma)) for axis in range(2 - images.ndim, 0)))


def matrix_reduction(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Keep the centre of k-space, zero-filled, as a smaller acquisition matrix does (modality: MR): blur and ringing.

    A rectangular window over the last two axes, as scanners sample it, then the magnitude. Severity is the fraction of
    the lines kept along each of the two.
    """
    fraction = interpolate_severity(MATRIX_REDUCTION, severity, none=1.0)
    return separable(images, *((axis, truncation(images.shape[axis], fraction)) for axis in (-2, -1)))


def detector_binning(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Average over the cells of a coarser detector, each shown as a block (modality: any).

    Severity is the width of a cell in pixels, along the last two axes. Damage grows from one whole severity to the
    next; not strictly on sides below about 60 pixels, which hold few cells. Between whole severities it may fall, where
    the edges of cells happen to meet those of pixels.
    """
    cell = interpolate_severity(DETECTOR_BINNING, severity, none=1.0)
    return separable(images, *((axis, binning(images.shape[axis], cell)) for axis in (-2, -1)))


def slice_thickness(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Average over thicker slices of a volume, shown in place (modalities: MR, CT; 3-D only).

    Severity is the thickness in slices of the original, along the first spatial axis. Damage grows with every severity
    from ten slices on (1 and 2 are alike in very smooth volumes). Fewer slices hold few of the cells, which are
    centred: of three, all severities make the same, and of nine the fourth may do less damage than the third. Between
    whole severities damage may fall, as in `detector_binning`.
    """
    thickness = interpolate_severity(SLICE_THICKNESS, severity, none=1.0)
    return separable(images, (-3, binning(images.shape[-3], thickness)))


def defocus(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Blur by the uniform disc of a lens out of focus, over the last two axes, mirrored at the edges.

    Modalities: fundus, dermoscopy, microscopy. Severity is the radius of the disc in pixels. The convolution is summed
    over the rows of the disc, each of which is a matrix product.
    """
    pixels = interpolate_severity(DEFOCUS, severity, none=0.01)
    if compiler.usable(images):
        return _defocused(images, pixels)
    kernel = disc(pixels)
    radius = len(kernel) // 2
    height, width = images.shape[-2:]
    rows = torch.arange(height, device=images.device)
    out = along(images, convolution(kernel[radius], width), -1)
    for offset in range(1, radius + 1):
        above, below = (images.index_select(-2, reflected(rows + step, height)) for step in (-offset, offset))
        out += along(above.add_(below), convolution(kernel[radius + offset], width), -1)
    return out.clamp_(0, 1)


def _defocused(images: Tensor, radius: float) -> Tensor:
    from ..kernels import banded

    height, width = images.shape[-2:]
    rows, first, diagonals = _rows_of_disc(radius, height, width)
    out = launch.empty_output(images)
    x, y = (tensor.view(-1, height, width).numpy() for tensor in (images.contiguous(), out))
    launch.run_threaded(lambda i, j: banded.stacked(x[i:j], rows, first, diagonals, y[i:j]), len(x), x.size)
    return out


@lru_cache(maxsize=64)
def _rows_of_disc(radius: float, height: int, width: int) -> tuple[Whole, int, Doubles]:
    """Return the arguments of `kernels.banded.stacked` for a disc: rows to add, lowest diagonal, diagonals."""
    from ..kernels.separable import Band

    kernel = disc(radius)
    reach = len(kernel) // 2
    bands = [Band(convolution(row, width)) for row in kernel[reach:]]
    widest = bands[0]  # the row through the centre
    diagonals = np.zeros((len(bands), *widest.diagonals.shape))
    for index, band in enumerate(bands):
        start = band.first - widest.first
        diagonals[index, start : start + len(band.diagonals)] = band.diagonals[: len(widest.diagonals) - start]
    rows = torch.arange(height)
    pairs = [[reflected(rows + step, height) for step in (-offset, offset)] for offset in range(reach + 1)]
    return torch.stack([torch.stack(pair) for pair in pairs]).numpy(), widest.first, diagonals


@lru_cache(maxsize=64)
def disc(radius: float) -> Tensor:
    """Return the fraction of each pixel that a centred disc covers, (2r+1, 2r+1) float64, normalised to sum 1."""
    reach, fine = max(0, int(radius + 0.5)), 16
    axis = (torch.arange((2 * reach + 1) * fine, dtype=torch.float64) + 0.5) / fine - reach - 0.5
    inside = (axis[:, None] ** 2 + axis**2 <= max(radius, 0.5) ** 2).double()
    cells = inside.view(2 * reach + 1, fine, 2 * reach + 1, fine).sum((1, 3))
    return cells / cells.sum()


def motion_blur(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Blur by straight motion during the exposure, over the last two axes, mirrored at the edges (modality: any).

    The direction is drawn per image: along rows, columns or one of the two diagonals. Severity is the path in pixels.
    """
    path = interpolate_severity(MOTION_BLUR, severity, none=0.01)
    direction = rng.integers(0, len(DIRECTIONS), ())
    if compiler.usable(images):
        return _streaked(images, path, direction)
    out = torch.empty_like(images)
    for index, (down, right) in enumerate(DIRECTIONS):
        chosen = (direction == index).nonzero().flatten()
        if len(chosen):
            out[chosen] = _streak(images[chosen], path, down, right)
    return out.clamp_(0, 1)


def _streaked(images: Tensor, path: float, direction: Tensor) -> Tensor:
    from ..kernels import resample

    height, width = images.shape[-2:]
    steps = [_shares(path, down, right) for down, right in DIRECTIONS]
    reach = max(len(shares) // 2 for shares in steps)
    shares = torch.stack([pad(share, (reach - len(share) // 2,) * 2) for share in steps])[direction].numpy()
    way = torch.tensor(DIRECTIONS)[direction].numpy()
    rows, cols = (reflected(torch.arange(-reach, n + reach), n).numpy() for n in (height, width))
    out = launch.empty_output(images)
    x, y = (tensor.view(len(images), -1, height, width).numpy() for tensor in (images.contiguous(), out))
    launch.run_threaded(
        lambda i, j: resample.streaked(x[i:j], way[i:j], shares[i:j], rows, cols, y[i:j]), len(x), x.size
    )
    return out


def _shares(path: float, down: int, right: int) -> Tensor:
    """Return the weights of copies one step apart, (2r+1,); pixels at the ends of the path count partially."""
    step = math.hypot(down, right)
    reach = int(path / 2 / step + 0.5)
    ends = [(max((i - 0.5) * step, -path / 2), min((i + 0.5) * step, path / 2)) for i in range(-reach, reach + 1)]
    return torch.tensor([(end - start) / path for start, end in ends], dtype=torch.float32)


def _streak(images: Tensor, path: float, down: int, right: int) -> Tensor:
    """Average copies moved along one direction."""
    shares = _shares(path, down, right)
    reach = len(shares) // 2
    height, width = images.shape[-2:]
    rows, cols = (torch.arange(-reach, n + reach, device=images.device) for n in (height, width))
    padded = images.index_select(-2, reflected(rows, height)).index_select(-1, reflected(cols, width))
    total = torch.zeros_like(images)
    for index, share in enumerate(shares.tolist(), -reach):
        top, left = reach + index * down, reach + index * right
        total += padded[..., top : top + height, left : left + width] * share
    return total
