"""Noise of receivers and detectors, drawn in the image's native channels at its own resolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..kernels import compiler, launch
from ..numerics.exact_roots import magnitude, root
from ..numerics.matrices import separable, unit_noise
from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_dose, interpolate_severity

GAUSSIAN_NOISE = (0.02, 0.04, 0.07, 0.11, 0.17)  # standard deviation, full scale = 1
POISSON_NOISE = (1000.0, 400.0, 150.0, 60.0, 25.0)  # quanta per pixel at full scale
RICIAN_NOISE = (0.02, 0.04, 0.07, 0.11, 0.17)  # standard deviation of each of the two channels, full scale = 1
SPECKLE = (0.08, 0.15, 0.25, 0.40, 0.65)  # ratio of diffuse to steady amplitude
DEAD_PIXELS = (0.001, 0.003, 0.008, 0.020, 0.050)  # fraction of the detector's elements
CORRELATED_NOISE = (0.015, 0.025, 0.038, 0.055, 0.08)  # standard deviation, full scale = 1

EXACT_BELOW = 16.0  # expected quanta, below which counts are drawn exactly
GRAIN_PX = 1.0  # standard deviation of the Gaussian that correlates neighbours


def gaussian_noise(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add white noise: amplifier and quantisation noise (modality: any).

    Severity is the standard deviation on a scale where full white is 1.
    """
    return _added(images, rng.normal(images.shape[1:]), interpolate_severity(GAUSSIAN_NOISE, severity, none=0.0))


def _added(images: Tensor, noise: Tensor, sd: float) -> Tensor:
    """Return images + sd * noise, clipped; overwrites the noise."""
    if compiler.usable(images):
        launch.map_rows("noisy", images.contiguous().flatten(1), sd, noise.view(len(noise), -1))
        return noise
    return noise.mul_(sd).add_(images).clamp_(0, 1)


def poisson_noise(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add quantum noise: each pixel counts photons (modalities: X-ray, fundus, dermoscopy, microscopy, OCT).

    Severity is the number of quanta Q at full scale, the dose: the standard deviation at level x is sqrt(x / Q).
    Counts are drawn exactly where fewer than 16 are expected. Above, they are m + sqrt(m) z + (z**2 - 1) / 6 with z
    standard normal, the first terms of the Cornish-Fisher expansion (Technometrics 1960): exact mean, variance
    m + 1/18, and the skewness of the Poisson law to first order. Drawing all counts exactly takes ten times as long.
    """
    quanta = interpolate_dose(POISSON_NOISE, severity)
    expected = images * quanta
    z = rng.normal(images.shape[1:])
    counts = root(expected).mul_(z).add_(expected).add_(z.mul_(z).sub_(1).div_(6))
    few = expected < EXACT_BELOW
    if few.any():
        exact = rng.poisson(torch.where(few, expected, 0)).to(images.device)
        counts = torch.where(few, exact, counts)
    return counts.div_(quanta).clamp_(0, 1)


def rician_noise(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add receiver noise of a magnitude image (modality: MR): |x + n1 + i n2| (Gudbjartsson and Patz, MRM 1995).

    Severity is the standard deviation of n1 and n2 on a scale where full white is 1. The mean of a black background
    rises to 1.25 times that.
    """
    sd = interpolate_severity(RICIAN_NOISE, severity, none=0.0)
    noise = rng.normal((2, *images.shape[1:]))
    if compiler.usable(images):
        return launch.map_pixels("magnitude", images, noise.flatten(2), sd)
    real, imaginary = noise.mul_(sd).unbind(1)
    return magnitude(images + real, imaginary).clamp_(0, 1)


def speckle(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Multiply by coherent speckle (modalities: ultrasound, OCT).

    The envelope of one steady reflector among diffuse scatterers: x |1 + s (n1 + i n2)| / sqrt(1 + 2 s**2), a Rician
    factor of mean square 1 (Wagner et al., IEEE Trans. Sonics Ultrason. 1983), uncorrelated between pixels. Severity is
    s; as it grows, the factor tends to the Rayleigh distribution of fully developed speckle. On
    images stored on a decibel scale, as most are, it changes bright tissue more than the scanner would, and black not
    at all.
    """
    ratio = interpolate_severity(SPECKLE, severity, none=0.0)
    norm = math.sqrt(1 + 2 * ratio**2)
    noise = rng.normal((2, *images.shape[1:]))
    if compiler.usable(images):
        return launch.map_pixels("speckled", images, noise.flatten(2), ratio, norm)
    real, imaginary = noise.mul_(ratio).unbind(1)
    envelope = magnitude(real + 1, imaginary)
    return envelope.mul_(images).div_(norm).clamp_(0, 1)


def dead_pixels(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Set detector elements to black or white, half of them each (modality: any with a pixel detector).

    Severity is the fraction of elements, drawn for each channel separately, as under a colour filter array.
    """
    draw = rng.uniform(images.shape[1:])
    half = interpolate_severity(DEAD_PIXELS, severity, none=0.0) / 2
    if compiler.usable(images):
        launch.map_rows("stuck", images.contiguous().flatten(1), half, 1 - half, draw.view(len(draw), -1))
        return draw
    stuck: Tensor = torch.where(draw < half, 0.0, 1.0)
    return torch.where((draw >= half) & (draw < 1 - half), images, stuck)


def correlated_noise(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Add grainy noise, correlated between neighbours as after a reconstruction kernel.

    Modalities: CT, MR, X-ray, ultrasound. White noise is filtered by a Gaussian of 1 pixel along every axis and scaled
    to the same standard deviation in every pixel, also at the edges. Severity is that standard deviation, on a scale
    where full white is 1.
    """
    noise = rng.normal(images.shape[1:])
    axes = range(2 - images.ndim, 0)
    noise = separable(noise, *((axis, unit_noise(images.shape[axis], GRAIN_PX)) for axis in axes), clip=False)
    return _added(images, noise, interpolate_severity(CORRELATED_NOISE, severity, none=0.0))
