"""Resolution: what the point spread, the k-space matrix and the detector's pitch leave of the detail.

Lengths are in pixels of the image as the data set stores it. All are matrix products along one axis at a time.
"""

from __future__ import annotations

from torch import Tensor

from .matrices import along, binning, gaussian, truncation
from .rng import Addressed
from .severity import at

PSF_BLUR = (0.6, 0.9, 1.4, 2.1, 3.2)  # standard deviation in pixels
MATRIX_REDUCTION = (0.75, 0.60, 0.45, 0.33, 0.22)  # fraction of the k-space lines kept, along each in-plane axis
DETECTOR_BINNING = (1.4, 2.0, 2.8, 4.0, 5.6)  # width of a detector cell in pixels


def psf_blur(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """A Gaussian point spread along every spatial axis, mirrored at the edges (modality: any).

    Severity is its standard deviation in pixels; the full width at half maximum is 2.35 times that.
    """
    sigma = at(PSF_BLUR, severity, none=0.0)
    for axis in range(2 - images.ndim, 0):
        images = along(images, gaussian(images.shape[axis], sigma), axis)
    return images.clamp(0, 1)


def matrix_reduction(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """A smaller acquisition matrix (modality: MR): the centre of k-space, zero-filled; blur and ringing at edges.

    A rectangular window over the last two axes, as scanners sample it, then the magnitude. Severity is the fraction of
    the lines kept along each of the two.
    """
    fraction = at(MATRIX_REDUCTION, severity, none=1.0)
    for axis in (-2, -1):
        images = along(images, truncation(images.shape[axis], fraction), axis)
    return images.abs().clamp(0, 1)


def detector_binning(images: Tensor, severity: float, rng: Addressed) -> Tensor:
    """A coarser detector: every cell reports the mean over its area, shown as a block (modality: any).

    Severity is the width of a cell in pixels, along the last two axes.
    """
    cell = at(DETECTOR_BINNING, severity, none=1.0)
    for axis in (-2, -1):
        images = along(images, binning(images.shape[axis], cell), axis)
    return images.clamp(0, 1)
