"""Fingerprint of the pixels that a shift produces, as recorded in every submission's card."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from . import catalogue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def outputs(name: str) -> NDArray[np.uint8]:
    """Return a shift's 8-bit output on a fixed phantom, (5, C, *spatial), one image per severity.

    The phantom has 3 channels of 16 x 16 (1 channel, or 8 x 16 x 16, where the shift takes nothing else). These pixels
    are the same on every x86-64 processor, with Numba and without. The phantom is small, so the last bits of normal
    draws, which differ without AVX2 where Numba is missing, do not reach them.
    """
    import numpy as np

    from .apply import apply_shift
    from .numerics.phantom import phantom

    entry = catalogue.shift_info(name)
    channels = 3 if {0, 3} & set(entry.channels) else entry.channels[0]
    images = phantom(1, channels, (16, 16) if 2 in entry.dims else (8, 16, 16))
    shifted = [apply_shift(name, images, severity, ["phantom"], seed=0)[0] for severity in catalogue.SEVERITIES]
    return np.stack([(image * 255).round().byte().numpy() for image in shifted])


@lru_cache(maxsize=256)
def fingerprint(name: str) -> str:
    """Return the sha256 of a shift's version and `outputs`, in hexadecimal."""
    pixels = outputs(name)
    digest = sha256(f"{catalogue.shift_info(name).version} {pixels.shape} ".encode())
    digest.update(pixels.tobytes())
    return digest.hexdigest()
