"""Contrast: how a detector, a display or an operator maps signal to grey level. Modality: any unless stated.

All curves are functions of a single pixel. None is centred on the image's mean, which would make the shift depend on
how much background is in the field of view.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..kernels import compiler, launch
from ..numerics.lookup import look_up, power
from ..numerics.rng import SampleRng
from ..numerics.severity import interpolate_severity

GAMMA = (1.2, 1.45, 1.8, 2.3, 3.0)  # exponent
CONTRAST_LOSS = (0.85, 0.70, 0.55, 0.40, 0.25)  # fraction of the contrast kept
EXPOSURE = (0.15, 0.30, 0.50, 0.75, 1.10)  # stops: powers of two
TONE_CURVE = (0.14, 0.28, 0.42, 0.56, 0.70)  # s below; the greatest change of the slope is 1.4 s
WINDOW = (0.90, 0.78, 0.65, 0.50, 0.35)  # window width as a fraction of the full range


def gamma(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Apply a tone curve x**g: another display calibration or film characteristic; mid-tones darken, ends stay fixed.

    Severity is the exponent g. Displays that are not calibrated to DICOM PS3.14 have exponents of 1.8 to 2.4, so 1.2
    is the difference between two such displays, and 2.3 a linear image shown as if it were encoded.
    """
    return look_up(images, power(interpolate_severity(GAMMA, severity, none=1.0)))


def contrast_loss(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Reduce contrast about mid grey: 0.5 + k (x - 0.5), as veiling glare or a short detector range does.

    Severity is the contrast k kept. The centre is the fixed level 0.5, not the image's mean.
    """
    kept = interpolate_severity(CONTRAST_LOSS, severity, none=1.0)
    if compiler.usable(images):
        return launch.map_pixels(
            "scaled", images, torch.full((len(images),), kept, dtype=torch.float32), 0.5 * (1 - kept)
        )
    return (images * kept).add_(0.5 * (1 - kept)).clamp_(0, 1)


def exposure(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Scale the whole image up or down, at random per image: exposure, receiver gain, brightness (modality: any).

    Severity is the gain e in stops of the stored value: pixels are multiplied by 2**e or 2**-e and clipped at white.
    Where pixels are encoded with a gamma of 2.2, as in photographs, that is 2.2 times as many stops of light.
    """
    gain = 2.0 ** interpolate_severity(EXPOSURE, severity, none=0.0)
    up = rng.uniform((1,) * (images.ndim - 1)) < 0.5
    factor = torch.where(up, gain, 1 / gain).float()
    if compiler.usable(images):
        return launch.map_pixels("scaled", images, factor.view(-1), 0.0)
    return (images * factor).add_(0.0).clamp_(0, 1)  # no negative zeros


def tone_curve(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Apply a vendor's tone curve: monotone, black and white fixed, its shape drawn per image (modality: any).

    x + s x (1 - x) (cos p + (1 - 2 x) sin p) with p uniform: brighter, steeper, darker or flatter mid-tones.
    Severity is s; the slope changes by up to sqrt(2) s, where p is 45 degrees, and stays positive up to s = 0.7.
    """
    angle = rng.uniform((1,) * (images.ndim - 1)).double() * (2 * math.pi)
    strength = interpolate_severity(TONE_CURVE, severity, none=0.0)
    bend, steepen = ((wave * strength).float() for wave in (angle.cos(), angle.sin()))
    if compiler.usable(images):
        return launch.map_pixels("toned", images, bend.view(-1), steepen.view(-1))
    steeper = (1 - 2 * images).mul_(steepen).add_(bend)
    return (1 - images).mul_(images).mul_(steeper).add_(images).clamp_(0, 1)


def window(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Set a display window too narrow and off level (modalities: CT, MR, X-ray); values outside it are clipped.

    Severity is the width w as a fraction of the full range. The level is drawn per image, uniformly from
    0.5 +- (1 - w) / 4.
    """
    width = interpolate_severity(WINDOW, severity, none=1.0)
    shape = (1,) * (images.ndim - 1)
    level = 0.5 + (rng.uniform(shape) - 0.5) * (0.5 * (1 - width))
    low = level - width / 2
    if compiler.usable(images):
        return launch.map_pixels("windowed", images, low.view(-1), width)
    return (images - low).div_(width).clamp_(0, 1)
