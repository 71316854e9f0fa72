"""Noise: what the receiver or the detector adds. Drawn in the image's own channels, at its own resolution."""

from __future__ import annotations

import torch
from torch import Tensor

from .rng import Addressed
from .severity import at

GAUSSIAN_NOISE = (0.02, 0.04, 0.07, 0.11, 0.17)  # standard deviation, full scale = 1
POISSON_NOISE = (1000.0, 400.0, 150.0, 60.0, 25.0)  # quanta per pixel at full scale
RICIAN_NOISE = (0.02, 0.04, 0.07, 0.11, 0.17)  # standard deviation of each of the two channels, full scale = 1

EXACT_BELOW = 16.0  # expected quanta


def gaussian_noise(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """Additive white noise: amplifier and quantisation noise (modality: any).

    Severity is the standard deviation on a scale where full white is 1.
    """
    return (images + rng.normal(images.shape[1:]) * at(GAUSSIAN_NOISE, severity, none=0.0)).clamp(0, 1)


def poisson_noise(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """Quantum noise: each pixel counts photons (modalities: X-ray, fundus, dermoscopy, microscopy, OCT).

    Severity is the number of quanta Q at full scale, the dose: the standard deviation at level x is sqrt(x / Q).
    Counts are drawn exactly where fewer than 16 are expected. Above, they are m + sqrt(m) z + (z**2 - 1) / 6 with z
    standard normal, the first terms of the Cornish-Fisher expansion (Biometrika 1960): mean exact, variance
    m + 1/18, skewness that of the Poisson law to the first order. Drawing all counts exactly takes ten times as long.
    """
    quanta = at(POISSON_NOISE, severity, none=1e9)
    expected = images * quanta
    z = rng.normal(images.shape[1:])
    counts = expected + expected.sqrt() * z + (z * z - 1) / 6
    few = expected < EXACT_BELOW
    if few.any():
        exact = rng.poisson(torch.where(few, expected, 0)).to(images.device)
        counts = torch.where(few, exact, counts)
    return (counts / quanta).clamp(0, 1)


def rician_noise(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """Receiver noise in a magnitude image (modality: MR): |x + n1 + i n2| (Gudbjartsson and Patz, MRM 1995).

    Severity is the standard deviation of n1 and of n2 where full white is 1. Background rises to 1.25 of it.
    """
    sd = at(RICIAN_NOISE, severity, none=0.0)
    real, imaginary = (rng.normal((2, *images.shape[1:])) * sd).unbind(1)
    real = images + real
    return (real * real + imaginary * imaginary).sqrt().clamp(0, 1)
