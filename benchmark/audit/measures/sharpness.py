"""Sharpness of planes: falloff of the spectrum, width of edges, and differences between directions."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .planes import decibels, ranked, slopes

LOW, MIDDLE, HIGH = (0.05, 0.13), (0.13, 0.25), (0.25, 0.5)  # cycles per pixel
EDGES = 0.95  # slopes above this quantile are edges


def sharpness(plane: Tensor, power: Tensor, noise_sd: Tensor) -> dict[str, Tensor]:
    """Measure the sharpness of planes (M, H, W), (M,) each.

    - detail: power at 0.13 to 0.25 cycles per pixel over that at 0.05 to 0.13, in dB, with white noise subtracted. A
      Gaussian point spread of standard deviation s pixels lowers the power at frequency f by 171 s**2 f**2 dB.
    - fine: the same for 0.25 to 0.5 cycles per pixel.
    - edge: width of the steepest edges in pixels: the range of levels within 7 x 7 pixels over their slope.
    - rows: power of vertical over that of horizontal frequencies, in dB: falls where lines were left out.
    - streaks: 0 to 1, coherence of the structure tensor: high if gradients share one direction, as after motion.

    Args:
        plane: (M, H, W) in [0, 1].
        power: Its `spectrum`.
        noise_sd: (M,) standard deviation of the noise, full scale = 1; NaN counts as none.
    """
    window = _window(plane.shape[-2], plane.shape[-1])
    floor = (noise_sd.nan_to_num(0.0).square() * window.square().sum())[:, None]
    low, middle, high = (_signal(power, band, floor) for band in _bands(plane.shape[-2], plane.shape[-1]))
    vertical, horizontal = (_signal(power, part, floor) for part in _wedges(plane.shape[-2], plane.shape[-1]))
    down, across = slopes(plane)
    yy, xx, yx = ((a * b).flatten(1).mean(1) for a, b in ((down, down), (across, across), (down, across)))
    return {
        "detail": decibels(middle / low.clamp(min=1e-9)),
        "fine": decibels(high / low.clamp(min=1e-9)),
        "edge": _edge(plane, (down.square() + across.square()).sqrt()),
        "rows": decibels(vertical / horizontal.clamp(min=1e-9)),
        "streaks": ((yy - xx).square() + 4 * yx.square()).sqrt() / (yy + xx).clamp(min=1e-9),
    }


def spectrum(plane: Tensor) -> Tensor:
    """Compute the power spectrum (M, H * (W // 2 + 1)) of planes less their mean, under a Hann window."""
    window = _window(plane.shape[-2], plane.shape[-1])
    centred = plane - plane.flatten(1).mean(1)[:, None, None]
    power: Tensor = torch.fft.rfft2(centred * window).abs().square().flatten(1)
    return power


@lru_cache(maxsize=8)
def frequencies(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the frequencies of `spectrum` down and across, (H * (W // 2 + 1),) each, in cycles per pixel."""
    down, across = torch.meshgrid(torch.fft.fftfreq(height).abs(), torch.fft.rfftfreq(width), indexing="ij")
    return down.flatten(), across.flatten()


@lru_cache(maxsize=8)
def _window(height: int, width: int) -> Tensor:
    down, across = (torch.hann_window(n + 2, periodic=False)[1:-1] for n in (height, width))
    return down[:, None] * across


@lru_cache(maxsize=8)
def _bands(height: int, width: int) -> tuple[Tensor, ...]:
    down, across = frequencies(height, width)
    radius = (down.square() + across.square()).sqrt()
    return tuple(((radius >= start) & (radius < stop)).nonzero().flatten() for start, stop in (LOW, MIDDLE, HIGH))


@lru_cache(maxsize=8)
def _wedges(height: int, width: int) -> tuple[Tensor, Tensor]:
    down, across = frequencies(height, width)
    wedges = ((a >= 0.1) & (b <= 0.1) for a, b in ((down, across), (across, down)))
    first, second = (wedge.nonzero().flatten() for wedge in wedges)
    return first, second


def _signal(power: Tensor, band: Tensor, floor: Tensor) -> Tensor:
    """Average the power (M,) in a band, less the noise; at least a twentieth of it counts as signal."""
    mean = power[:, band].mean(1, keepdim=True)
    return torch.maximum(mean - floor, 0.05 * mean)[:, 0]


def _edge(plane: Tensor, slope: Tensor) -> Tensor:
    inner = plane[:, 1:-1, 1:-1]
    span = _local_maximum(inner) + _local_maximum(-inner)
    slope = slope[:, 3:-3, 3:-3].clamp(min=1e-4)
    steep = ranked(slope.flatten(1), EDGES)[:, None, None]
    return torch.where(slope >= steep, span / slope, torch.nan).flatten(1).nanmean(1)


def _local_maximum(plane: Tensor) -> Tensor:
    """Return the maximum over each full 7 x 7 window: (M, H - 6, W - 6)."""
    for axis in (-2, -1):
        for step in (1, 2, 3):  # the window grows to 2, 4 and 7 pixels
            n = plane.shape[axis] - step
            plane = torch.maximum(plane.narrow(axis, 0, n), plane.narrow(axis, step, n))
    return plane
