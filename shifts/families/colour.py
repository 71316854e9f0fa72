"""Colour: cameras and stains. All take 3 channels: red, green, blue."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ..kernels import compiler, launch
from ..numerics.lookup import STEPS, grey_levels, look_up
from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_severity
from ..pixels import LUMA

SATURATION = (0.80, 0.60, 0.40, 0.20, 0.0)  # chroma kept
COLOUR_TEMPERATURE = (15.0, 30.0, 55.0, 90.0, 140.0)  # mired (a million over kelvin) away from 5000 K
STAIN_HE = (0.10, 0.20, 0.32, 0.46, 0.62)  # relative change of the two stains' amounts
STAIN_GIEMSA = (0.10, 0.20, 0.32, 0.46, 0.62)  # relative change of the two stains' amounts

WAVELENGTHS_NM = (610.0, 545.0, 465.0)  # approximate peaks of the sRGB primaries
ENCODING_GAMMA = 2.2
HAEMATOXYLIN, EOSIN = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)  # optical density of red, green, blue
METHYLENE_BLUE, EOSIN_Y = (0.834750233, 0.513556283, 0.196330403), (0.092789, 0.954111, 0.283111)
DENSEST = math.log10(255)  # optical density of the darkest 8-bit level above black


def saturation(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Reduce saturation: pull chroma towards the pixel's own luma (modalities: fundus, dermoscopy, microscopy).

    Severity is the share of chroma kept.
    """
    kept = interpolate_severity(SATURATION, severity, none=1.0)
    red, green, blue = (images[:, i : i + 1] * weight for i, weight in enumerate(LUMA))
    luma = red.add_(green).add_(blue)
    return (images - luma).mul_(kept).add_(luma).clamp_(0, 1)


def colour_temperature(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Shift the white balance to a lamp of another temperature, warmer or cooler at random per image.

    Modalities: fundus, dermoscopy, microscopy. The gains of the three channels are ratios of Planck's law, relative to
    green, in linear light (an encoding gamma of 2.2). Severity is the distance from 5000 K in mired.
    """
    mired = interpolate_severity(COLOUR_TEMPERATURE, severity, none=0.0)
    warm, cool = (
        torch.tensor(_lamp(200 + shift), dtype=torch.float32).view(3, *(1,) * (images.ndim - 2))
        for shift in (mired, -mired)
    )
    warmer = rng.uniform((1,) * (images.ndim - 1)) < 0.5
    gain = torch.where(warmer, warm.to(images.device), cool.to(images.device))
    if compiler.usable(images):
        return launch.map_pixels("scaled", images.flatten(0, 1), gain.reshape(-1), 0.0).view(images.shape)
    return (images * gain).add_(0.0).clamp_(0, 1)  # no negative zeros


def _lamp(mired: float) -> list[float]:
    """Return the encoded gains of red, green and blue when a black body replaces one of 5000 K."""

    def light(nanometres: float, temperature: float) -> float:
        return 1 / math.expm1(1.438777e7 / (nanometres * temperature))

    linear = [light(nm, 1e6 / mired) / light(nm, 5000.0) for nm in WAVELENGTHS_NM]
    return [float((gain / linear[1]) ** (1 / ENCODING_GAMMA)) for gain in linear]


def stain_he(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Change the amounts of haematoxylin and eosin by colour deconvolution (modality: microscopy).

    Optical density is unmixed by the stain vectors of Ruifrok and Johnston (Anal Quant Cytol Histol 2001), the amounts
    are scaled by 1 + t cos p and 1 + t sin p, with the angle p drawn per image, and mixed again: blank glass stays
    white, and the residual that the two stains do not explain is kept. Severity is t.

    Black counts as the densest stain that 8 bits hold, and takes on a dark colour. Where it is none, as beside the
    field of an eyepiece or what `--fit pad` adds, crop it off.
    """
    return _restain(images, interpolate_severity(STAIN_HE, severity, none=0.0), rng, (HAEMATOXYLIN, EOSIN))


def stain_giemsa(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Change the amounts of methylene blue and eosin in a Giemsa or Wright stained smear (modality: microscopy).

    As `stain_he`, with the vectors of G. Landini's colour deconvolution. Severity is the relative change t.
    """
    return _restain(images, interpolate_severity(STAIN_GIEMSA, severity, none=0.0), rng, (METHYLENE_BLUE, EOSIN_Y))


def _restain(images: Tensor, change: float, rng: SampleRng, stains: tuple[tuple[float, ...], ...]) -> Tensor:
    angle = rng.uniform(()).double().cpu() * (2 * math.pi)
    amounts = torch.stack([1 + change * angle.cos(), 1 + change * angle.sin(), torch.ones_like(angle)], dim=1)
    vectors = torch.tensor(stains, dtype=torch.float64)
    vectors = torch.cat([vectors, torch.linalg.cross(vectors[:1], vectors[1:])])
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    # density (row vector) -> amounts -> scaled amounts -> density: one 3 x 3 matrix per image
    mix = torch.linalg.inv(vectors) @ (amounts[:, :, None] * vectors)
    mix = mix.float().to(images.device).view(-1, 3, 3, *(1,) * (images.ndim - 2))
    density = look_up(images, _density())
    red, green, blue = (density[:, i : i + 1] * mix[:, i] for i in range(3))
    return look_up(red.add_(green).add_(blue).div_(DENSEST).clamp_(0, 1), _transmission())


@lru_cache(maxsize=1)
def _density() -> Tensor:
    return -grey_levels().clamp(min=10**-DENSEST).log10().float()


@lru_cache(maxsize=1)
def _transmission() -> Tensor:
    return (10 ** (-torch.arange(STEPS + 1, dtype=torch.float64) / STEPS * DENSEST)).float()
