"""Artefacts of k-space sampling (modality: MR), as matrix products and moved copies; the magnitude is taken last.

The phase-encode axis is the last but one. No FFT: its last bits would depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from scipy.special import jv
from torch import Tensor

from ..kernels import compiler, launch
from ..numerics.exact_roots import magnitude
from ..numerics.matrices import along, exact, from_window, reflected, separable, truncation
from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_severity

GIBBS_RINGING = (0.50, 0.38, 0.29, 0.22, 0.16)  # fraction of the phase-encode lines kept
GHOSTING = (0.25, 0.40, 0.60, 0.85, 1.15)  # amplitude of the lines' phase error in radians
KSPACE_SPIKE = (0.02, 0.035, 0.06, 0.095, 0.15)  # amplitude of the stripes, full scale = 1
RIGID_MOTION = (0.30, 0.38, 0.43, 0.46, 0.49)  # fraction of the phase-encode lines acquired after the movement

ORDERS = (-3, -2, -1, 1, 2, 3)  # of the ghosts
PERIODS = (3, 6)  # lines per period of the phase error: 3, 4 or 5
MOVED = (0.02, 0.06)  # range of the displacement as a fraction of the field of view


def gibbs_ringing(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Truncate k-space along the phase-encode axis alone, to shorten a scan: edges across that axis ring.

    Severity is the fraction of the lines kept.
    """
    return separable(
        images, (-2, truncation(images.shape[-2], interpolate_severity(GIBBS_RINGING, severity, none=1.0)))
    )


def ghosting(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add ghosts of periodic motion or pulsation along the phase-encode axis (Wood and Henkelman, Med Phys 1985).

    Line k has the phase error a sin(2 pi k / P + p), which splits the image into copies displaced by j / P of the field
    of view, j = -3..3 (to the nearest pixel, wrapped around), weighted by the Bessel functions J_j(a). No line changes
    in magnitude, so overall brightness does not change. P (3, 4 or 5 lines) and the phase p are drawn per image.
    Severity is a in radians.
    """
    height = images.shape[-2]
    period = rng.integers(*PERIODS, (1,)).cpu()
    phase = rng.uniform((1,)).double().cpu() * (2 * math.pi)
    error = interpolate_severity(GHOSTING, severity, none=0.0)
    moved = [(torch.arange(height) + (order * height / period).round().long()) % height for order in ORDERS]
    rows = torch.stack(moved, 1).to(images.device)
    turns = torch.tensor(ORDERS)
    still, weights = float(jv(0, error)), [float(jv(order, error)) for order in ORDERS]
    cos, sin = (
        wave.float().view(len(images), -1).to(images.device) for wave in ((turns * phase).cos(), (turns * phase).sin())
    )
    if compiler.usable(images):
        return _ghosted(images, rows, torch.tensor(weights, dtype=torch.float32), still, cos, sin)
    real, imaginary = images * still, torch.zeros_like(images)
    for index, weight in enumerate(weights):
        copy = _rows(images, rows[:, index]).mul_(weight)
        shape = (-1, *(1,) * (images.ndim - 1))
        real += copy * cos[:, index].view(shape)
        imaginary += copy.mul_(sin[:, index].view(shape))
    return magnitude(real, imaginary).clamp_(0, 1)


def _ghosted(images: Tensor, rows: Tensor, weights: Tensor, still: float, cos: Tensor, sin: Tensor) -> Tensor:
    from ..kernels import resample

    out = launch.empty_output(images)
    x, y = (tensor.view(len(images), -1, *images.shape[-2:]).numpy() for tensor in (images.contiguous(), out))
    row, bessel, c, s = (table.numpy() for table in (rows, weights, cos, sin))

    def run(i: int, j: int) -> None:
        resample.ghosted(x[i:j], row[i:j], bessel, np.float32(still), c[i:j], s[i:j], y[i:j])

    launch.run_threaded(run, len(x), x.size)
    return out


def _rows(images: Tensor, row: Tensor) -> Tensor:
    """Select rows of images by index, (N, H) per sample; copies whole rows instead of pixels."""
    count, height = row.shape
    first = torch.arange(0, math.prod(images.shape[:-1]), height, device=images.device).view(count, -1, 1)
    chosen = (first + row[:, None]).flatten()
    return images.reshape(-1, images.shape[-1]).index_select(0, chosen).view(images.shape)


def kspace_spike(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add one spike in k-space, from a spark in the scanner room: stripes over the whole image.

    |x + a exp(i (w r + p))|; the spike's position, at 1/8 to 3/8 of the sampling frequency along each axis, and its
    phase are drawn per image. Severity is a.
    """
    amplitude = interpolate_severity(KSPACE_SPIKE, severity, none=0.0)
    spatial = images.shape[2:]
    draw = rng.uniform((len(spatial) + 2,)).cpu().double()
    waves = []
    for axis, n in enumerate(spatial):
        cycles = (n / 8 + draw[:, axis] * n / 4).round() / n
        if axis == len(spatial) - 1:
            cycles = torch.where(draw[:, -1] < 0.5, cycles, -cycles)
        angle = 2 * math.pi * (cycles[:, None] * torch.arange(n) + (draw[:, -2:-1] if axis == 0 else 0))
        shape = (-1, 1, *(n if i == axis else 1 for i in range(len(spatial))))
        waves.append(tuple(wave.float().view(shape) for wave in (angle.cos(), angle.sin())))
    real, imaginary = waves[0]
    for cos, sin in waves[1:-1]:
        real, imaginary = real * cos - imaginary * sin, real * sin + imaginary * cos
    cos, sin = waves[-1]
    if compiler.usable(images):
        return _striped(images, (real, imaginary, cos, sin), amplitude)
    real, imaginary = real * cos - imaginary * sin, real * sin + imaginary * cos
    real, imaginary = (part.to(images.device) * amplitude for part in (real, imaginary))
    return magnitude(images + real, imaginary.expand(images.shape).clone()).clamp_(0, 1)


def _striped(images: Tensor, waves: Sequence[Tensor], amplitude: float) -> Tensor:
    from ..kernels import resample

    out = launch.empty_output(images)
    x, y = (tensor.view(*images.shape[:2], -1, images.shape[-1]).numpy() for tensor in (images.contiguous(), out))
    real, imaginary, cos, sin = (wave.flatten(1).numpy() for wave in waves)

    def run(i: int, j: int) -> None:
        resample.striped(x[i:j], real[i:j], imaginary[i:j], cos[i:j], sin[i:j], np.float32(amplitude), y[i:j])

    launch.run_threaded(run, len(x), x.size)
    return out


def rigid_motion(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Move the patient once during the scan: the lines acquired afterwards come from a displaced copy.

    Lines run from one end of k-space to the other. The displacement along each of the last two axes is drawn per image,
    2 to 6 % of the field of view, to the nearest pixel and at least one; the image is mirrored at its edges.
    Severity is the fraction of the lines acquired after the movement; from 0.5 on, the displaced copy would dominate.
    An even number of lines has its zero frequency half a line past the middle: there the copy gives more than half of
    it at severity 5 on fewer than 50 lines, and at severity 4 on fewer than 13.
    """
    low, high = MOVED
    places: list[Tensor] = []
    for n in images.shape[-2:]:
        draw = rng.uniform((2,)).cpu()
        distance = ((low + (high - low) * draw[:, :1]) * n).round().clamp(min=1)
        place = torch.arange(n) - torch.where(draw[:, 1:] < 0.5, distance, -distance).long()
        places.append(reflected(place, n))
    lines = _late_lines(images.shape[-2], interpolate_severity(RIGID_MOTION, severity, none=0.0))
    if compiler.usable(images):
        from ..kernels.separable import halves, partly_moved

        if [halves(part).sign for part in lines] == [1, -1]:
            return partly_moved(images, places, lines)
    row, column = (place.to(images.device) for place in places)
    column = column.view(len(images), *(1,) * (images.ndim - 2), -1)
    change = torch.take_along_dim(_rows(images, row), column, -1).sub_(images)
    real, imaginary = (along(change, part, -2) for part in lines)
    return magnitude(real.add_(images), imaginary).clamp_(0, 1)


@lru_cache(maxsize=64)
def _late_lines(n: int, share: float) -> tuple[Tensor, Tensor]:
    """Return the real and imaginary part, (n, n) each, of the projection on the last `share` of the lines."""
    order = torch.fft.fftfreq(n, 1 / n, dtype=torch.float64)
    window = (order - (order.max() + 0.5 - share * n) + 0.5).clamp(0, 1)
    matrix = from_window(window.to(torch.complex128))
    return exact(matrix.real), exact(matrix.imag)
