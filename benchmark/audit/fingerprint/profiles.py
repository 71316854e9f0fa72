"""Two curves per domain: the power spectrum and the distribution of grey levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...datasets.dataset import Dataset
from ...datasets.images import to_unit
from ..measures.planes import decibels, luma, planes
from ..measures.sharpness import frequencies, spectrum
from ..measures.table import BATCH
from .fingerprint import Fingerprint, Floats

IMAGES = 100  # per domain, at most
BINS = 24  # frequencies of the spectrum
LEVELS = 51  # grey levels of the distribution


@dataclass(frozen=True, eq=False)
class Profile:
    """Curves of a domain.

    Args:
        domain: Its name.
        frequency: Frequencies in cycles per pixel.
        power: Mean power at each frequency, in dB relative to the lowest.
        level: Grey levels, 0 to 1.
        share: Fraction of pixels at or below each level.
    """

    domain: str
    frequency: Floats
    power: Floats
    level: Floats
    share: Floats


def profile(dataset: Dataset, found: Fingerprint) -> Profile:
    """Average the curves of a domain over at most 100 images of its fingerprint."""
    rows = found.rows[:IMAGES]
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    powers: list[NDArray[np.float32]] = []
    counts = np.zeros(LEVELS)
    for start in range(0, len(rows), step):
        flat, _ = planes(to_unit(np.ascontiguousarray(dataset.pixels[rows[start : start + step]]), dataset.value_range))
        grey = luma(flat)
        down, across = frequencies(*grey.shape[-2:])
        radius = ((down.square() + across.square()).sqrt() * 2 * BINS).long().clamp(max=BINS)
        size = torch.bincount(radius, minlength=BINS + 1).clamp(min=1)
        power = torch.zeros(len(grey), BINS + 1).index_add_(1, radius, spectrum(grey)) / size
        decibel = decibels(power[:, 1:BINS] / power[:, 1:2].clamp(min=1e-9))
        powers.append(decibel.numpy())
        counts += np.bincount((grey * (LEVELS - 1)).round().long().flatten().numpy(), minlength=LEVELS)
    frequency = (np.arange(1, BINS) + 0.5) / (2 * BINS)
    return Profile(
        found.domain,
        frequency,
        np.concatenate(powers).mean(axis=0, dtype=np.float64),
        np.linspace(0, 1, LEVELS),
        np.cumsum(counts) / counts.sum(),
    )
