"""A T1-weighted MR acquisition, from tissue to exported pixels: public, pure, batched functions.

Order of events, as in the machine: signal of each tissue by the sequence's equation -> average over the slice thickness
-> coil sensitivity -> k-space: the protocol's sampling window, complex Gaussian receiver noise -> magnitude (so the
noise is Rician) -> export window. Everything is float64, in NumPy and `scipy.fft`: see `build` on what the bytes depend
on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .sites import Scanner
from .tissue import TISSUES, Array

SUB_SLICE_MM = 1.25  # thicker slices are averaged over several planes, at most this far apart
EXPORT_PERCENTILE, EXPORT_LEVEL = 99.5, 0.9


def mprage(t1: Array, t2_star: Array, pd: Array, scanner: Scanner) -> Array:
    """Compute the signed signal of an inversion-prepared gradient echo at its inversion time.

    S = PD sin(a) (1 - 2 exp(-TI/T1) / (1 + exp(-TR/T1))) exp(-TE/T2*), after Mugler and Brookeman (MRM 1990) without
    the effect of the echo train on the recovery. Times in ms; the arrays broadcast.
    """
    assert scanner.ti_ms is not None, "MPRAGE has an inversion time"
    recovery = 1 - 2 * np.exp(-scanner.ti_ms / t1) / (1 + np.exp(-scanner.tr_ms / t1))
    return np.asarray(pd * np.sin(np.deg2rad(scanner.flip_deg)) * recovery * np.exp(-scanner.te_ms / t2_star))


def spgr(t1: Array, t2_star: Array, pd: Array, scanner: Scanner) -> Array:
    """Compute the steady-state signal of a spoiled gradient echo (Ernst and Anderson, Rev Sci Instrum 1966).

    S = PD sin(a) (1 - E) / (1 - cos(a) E) exp(-TE/T2*), E = exp(-TR/T1). Times in ms; the arrays broadcast.
    """
    angle, decay = np.deg2rad(scanner.flip_deg), np.exp(-scanner.tr_ms / t1)
    steady = np.sin(angle) * (1 - decay) / (1 - np.cos(angle) * decay)
    return np.asarray(pd * steady * np.exp(-scanner.te_ms / t2_star))


def signal(parameters: Array, scanner: Scanner) -> Array:
    """Compute the signal, (...,), of tissues with parameters (..., 3): T1 ms, T2* ms, PD."""
    equation = {"mprage": mprage, "spgr": spgr}[scanner.sequence]
    t1, t2_star, pd = np.moveaxis(parameters, -1, 0)
    return equation(t1, t2_star, pd, scanner)


def sub_slices(thickness_mm: float) -> NDArray[np.float64]:
    """Return the offsets in mm, (K,), of the planes that are averaged into a slice of this thickness."""
    count = max(1, round(thickness_mm / SUB_SLICE_MM))
    return (np.arange(count) - (count - 1) / 2) * thickness_mm / count


def coil_sensitivity(coefficients: Array, z: Array, shape: tuple[int, int], non_uniformity: float) -> Array:
    """Make smooth receive fields, (P, S, *shape), positive, about 1 on average.

    Args:
        coefficients: (P, 9): how much of each polynomial of first and second degree in row, column and slice.
        z: (P, S): position of the slices along the head, -1..1.
        shape: rows and columns of the plane.
        non_uniformity: range from the 5th to the 95th percentile over the median of the field inside the head (taken
            as the ellipse that spans 80 % of the plane).
    """
    row, col = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    c = np.moveaxis(coefficients, -1, 0)[..., None, None, None]
    z = z[..., None, None]
    log = c[0] * row + c[1] * col + c[2] * row**2 + c[3] * col**2 + c[4] * (row * col)
    log = log + z * (c[5] * row + c[6] * col) + (c[7] * z + c[8] * z**2)
    inside = row**2 + col**2 < 0.64
    low, middle, high = np.percentile(log[..., inside], (5, 50, 95), axis=(1, 2))
    scale = non_uniformity / np.maximum(high - low, 1e-6)
    return np.asarray(np.exp(scale[:, None, None, None] * (log - middle[:, None, None, None])))


def sampling_window(n: int, voxel_mm: float, apodisation_mm: float, grid_mm: float = 1.0) -> Array:
    """Return the weight of each k-space sample along one axis, (n,), in `scipy.fft` order.

    1 up to the protocol's highest frequency, 1 / (2 voxel), and 0 beyond (a sinc point spread of width `voxel_mm`),
    times a Gaussian whose point spread has a full width at half maximum of `apodisation_mm`.
    """
    frequency = scipy.fft.fftfreq(n, grid_mm)
    sampled = np.abs(frequency) <= 0.5 / voxel_mm
    sigma_mm = apodisation_mm / np.sqrt(8 * np.log(2))
    return np.asarray(sampled * np.exp(-2 * (np.pi * sigma_mm * frequency) ** 2))


def receive(magnetisation: Array, scanner: Scanner, noise: Array, level: Array) -> Array:
    """Sample k-space with noise, and reconstruct magnitude images on the given grid.

    Args:
        magnetisation: (N, H, W) on a 1 mm grid, coil sensitivity included.
        scanner: its voxel and apodisation shape the sampling window; its SNR scales the noise.
        noise: (N, 2, H, W) standard normal: real and imaginary receiver noise, white in k-space.
        level: (N,): the signal that has `scanner.snr`, usually white matter.

    Returns:
        (N, H, W), non-negative; Rician around the noise-free image.
    """
    height, width = magnetisation.shape[-2:]
    rows = sampling_window(height, scanner.voxel_mm[0], scanner.apodisation_mm)
    cols = sampling_window(width, scanner.voxel_mm[1], scanner.apodisation_mm)
    window = rows[:, None] * cols
    # The filter averages noise away: scale what enters, so that the image that leaves has the table's SNR. With
    # norm="forward" a k-space sample carries 1/sqrt(HW) of a pixel's white noise.
    sigma = level / scanner.snr / np.sqrt(np.mean(window**2)) / np.sqrt(height * width)
    kspace = scipy.fft.fft2(magnetisation, norm="forward")
    kspace.real += sigma[:, None, None] * noise[:, 0]
    kspace.imag += sigma[:, None, None] * noise[:, 1]
    kspace *= window
    return np.asarray(np.abs(scipy.fft.ifft2(kspace, norm="forward", overwrite_x=True)))


def export(images: Array) -> Array:
    """Window exams (P, S, H, W) to [0, 1]: each exam's 99.5th percentile becomes 0.9, the same rule at all sites."""
    bright = np.percentile(images, EXPORT_PERCENTILE, axis=(1, 2, 3), keepdims=True)
    return np.clip(images * (EXPORT_LEVEL / bright), 0, 1)


def acquire(
    fractions: Array,
    parameters: Array,
    lesions: Array,
    scanner: Scanner,
    z: Array,
    rngs: Sequence[np.random.Generator],
) -> Array:
    """Scan a batch of exams.

    Args:
        fractions: (P, S, K, T, H, W): share of each tissue (order of `TISSUES`) in each of the K planes of each slice.
        parameters: (P, T, 3): the patients' T1 ms, T2* ms, PD. The lesion's row is not used.
        lesions: (P, S, 3): T1 ms, T2* ms, PD of each slice's lesion.
        scanner: the site.
        z: (P, S): position of the slices along the head, -1..1, for the coil.
        rngs: one generator a patient, for coil and receiver noise.

    Returns:
        (P, S, H, W) in [0, 1].
    """
    patients, slices, _, _, height, width = fractions.shape
    tissues = np.repeat(signal(parameters, scanner)[:, None], slices, axis=1)
    tissues[..., TISSUES.index("lesion")] = signal(lesions, scanner)
    magnetisation = np.zeros((patients, slices, height, width))
    for plane in np.moveaxis(fractions, 2, 0):
        for index in range(len(TISSUES)):
            magnetisation += tissues[:, :, index, None, None] * plane[:, :, index]
    magnetisation /= fractions.shape[2]
    coil = np.stack([rng.standard_normal(9, dtype=np.float32) for rng in rngs]).astype(np.float64)
    magnetisation *= coil_sensitivity(coil, z, (height, width), scanner.non_uniformity)
    noise = np.stack([rng.standard_normal((slices, 2, height, width), dtype=np.float32) for rng in rngs]).astype(float)
    white = np.abs(tissues[..., TISSUES.index("white")]).reshape(-1)
    flat = (patients * slices, height, width)
    images = receive(magnetisation.reshape(flat), scanner, noise.reshape(-1, 2, height, width), white)
    return export(images.reshape(patients, slices, height, width))
