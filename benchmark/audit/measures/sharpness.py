"""How sharp planes are: the fall of the spectrum, the width of edges, and whether one direction is blurred more."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .planes import decibels, ranked, slopes

LOW, MIDDLE, HIGH = (0.05, 0.13), (0.13, 0.25), (0.25, 0.5)  # cycles a pixel
EDGES = 0.95  # of the slopes, those above this quantile are edges


def sharpness(plane: Tensor, power: Tensor, noise_sd: Tensor) -> dict[str, Tensor]:
    """Returns measures of sharpness, (M,) each, of planes (M, H, W).

    - detail: power at 0.13 to 0.25 cycles a pixel over that at 0.05 to 0.13, in dB, white noise taken off. A Gaussian
      point spread of standard deviation s pixels takes 171 s**2 f**2 dB off the power at frequency f.
    - fine: the same for 0.25 to 0.5 cycles a pixel.
    - edge: width of the steepest edges in pixels: the range of levels within 7 by 7
      pixels over their slope.
    - rows: power of structure across the rows over that across the columns, in dB: falls where lines were left out.
    - streaks: 0 to 1, how far slopes point one way, as after a movement (coherence of the structure tensor).

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
    """Returns the power (M, H * (W // 2 + 1)) of planes without their mean, behind a Hann window."""
    window = _window(plane.shape[-2], plane.shape[-1])
    centred = plane - plane.flatten(1).mean(1)[:, None, None]
    power: Tensor = torch.fft.rfft2(centred * window).abs().square().flatten(1)
    return power


@lru_cache(maxsize=8)
def frequencies(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Returns the frequencies down and across, (H * (W // 2 + 1),) each, of `spectrum`, in cycles a pixel."""
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
    """Returns the mean power (M,) in a band without the noise's; at least a twentieth of it is taken for signal."""
    mean = power[:, band].mean(1, keepdim=True)
    return torch.maximum(mean - floor, 0.05 * mean)[:, 0]


def _edge(plane: Tensor, slope: Tensor) -> Tensor:
    inner = plane[:, 1:-1, 1:-1]
    span = _most(inner) + _most(-inner)
    slope = slope[:, 3:-3, 3:-3].clamp(min=1e-4)
    steep = ranked(slope.flatten(1), EDGES)[:, None, None]
    return torch.where(slope >= steep, span / slope, torch.nan).flatten(1).nanmean(1)


def _most(plane: Tensor) -> Tensor:
    """Returns the greatest value in a window of 7 by 7, where it fits: (M, H - 6, W - 6)."""
    for axis in (-2, -1):
        for step in (1, 2, 3):  # windows of 2, 4 and 7
            n = plane.shape[axis] - step
            plane = torch.maximum(plane.narrow(axis, 0, n), plane.narrow(axis, step, n))
    return plane
