"""Built-in shifts do what their docstrings say, compared with independent computations."""

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.stats
import torch

from medshift.shifts.apply import apply_shift
from medshift.shifts.families import contrast, noise, resolution
from medshift.shifts.numerics.matrices import binning, gaussian, truncation
from medshift.shifts.numerics.phantom import phantom

IDS = [str(index) for index in range(64)]


def flat(level, spatial=(64, 64)):
    return torch.full((len(IDS), 1, *spatial), level)


def test_gamma_is_exact_for_eight_bit_data():
    grey = (torch.arange(256) / 255).view(1, 1, 16, 16)
    for severity, exponent in enumerate(contrast.GAMMA, 1):
        expected = grey.double() ** exponent
        assert (apply_shift("gamma", grey, severity, ["a"], 0) - expected).abs().max() < 1e-6
    assert (apply_shift("gamma", torch.rand(1, 1, 64, 64), 5, ["a"], 0) - 1).abs().max() <= 1


def test_contrast_loss_is_about_mid_grey_whatever_the_background():
    images = phantom(1, 1, (32, 32))
    padded = torch.nn.functional.pad(images, (8, 8, 8, 8))
    inner = apply_shift("contrast-loss", padded, 4, ["a"], 0)[..., 8:-8, 8:-8]
    assert torch.equal(inner, apply_shift("contrast-loss", images, 4, ["a"], 0))
    assert torch.equal(apply_shift("contrast-loss", flat(0.5)[:1], 5, ["a"], 0), flat(0.5)[:1])


def test_window_maps_its_range_to_the_full_range():
    ramp = torch.linspace(0, 1, 1001).expand(64, 1, 1, 1001).contiguous()
    out = apply_shift("window", ramp, 5, IDS, 0)
    inside = ((out > 0) & (out < 1)).float().mean(-1)
    assert (inside - contrast.WINDOW[4]).abs().max() < 0.003
    centre = (out < 0.5).float().mean(-1)
    assert abs(centre.mean() - 0.5) < 0.05
    assert centre.max() < 0.5 + (1 - contrast.WINDOW[4]) / 4 + 0.002


@pytest.mark.parametrize("severity", [1, 3])
def test_gaussian_noise_has_its_sd_in_native_channels(severity):
    images = torch.full((64, 3, 40, 40), 0.5)
    error = apply_shift("gaussian-noise", images, severity, IDS, 0) - images
    assert abs(error.mean()) < 3e-4
    assert abs(error.std() / noise.GAUSSIAN_NOISE[severity - 1] - 1) < 0.01
    assert torch.corrcoef(error.movedim(1, 0).flatten(1)).fill_diagonal_(0).abs().max() < 0.02


def test_quantum_noise_grows_evenly_below_severity_1():
    """Else the mildest of matched severities would be no noise at all, and the next one all of it."""
    sds = [float(apply_shift("poisson-noise", flat(0.5), severity, IDS, 0).std()) for severity in (0.25, 0.5, 0.75, 1)]
    assert sds == pytest.approx([share * sds[-1] for share in (0.25, 0.5, 0.75, 1)], rel=0.02)
    assert apply_shift("poisson-noise", flat(0.5), 0.001, IDS, 0).std() < 1e-4


@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("level", [0.02, 0.2, 0.5])
def test_poisson_noise_has_both_moments_and_the_skewness(severity, level):
    quanta = noise.POISSON_NOISE[severity - 1]
    counts = (apply_shift("poisson-noise", flat(level), severity, IDS, 0) * quanta).double()
    expected = level * quanta
    draws = counts.numel()
    assert abs(counts.mean() - expected) < 4 * (expected / draws) ** 0.5
    assert abs(counts.var() / expected - 1) < 4 * ((2 + 1 / expected) / draws) ** 0.5 + 1 / 18 / max(expected, 16)
    assert abs(scipy.stats.skew(counts.flatten().numpy()) - expected**-0.5) < 0.05
    if expected < noise.EXACT_BELOW:
        assert (counts - counts.round()).abs().max() < 1e-4


@pytest.mark.parametrize("level", [0.0, 0.05, 0.5])
def test_rician_noise_has_the_moments_of_its_law(level):
    sd = noise.RICIAN_NOISE[2]
    law = scipy.stats.rice(level / sd, scale=sd)
    out = apply_shift("rician-noise", flat(level), 3, IDS, 0)
    assert abs(out.mean() / law.mean() - 1) < 0.005
    assert abs(out.std() / law.std() - 1) < 0.01


@pytest.mark.parametrize("spatial", [(48, 37), (6, 12, 17), (2, 3)])
def test_psf_blur_is_scipys_gaussian(spatial):
    images = phantom(2, 2, spatial)
    for severity, sigma in enumerate(resolution.PSF_BLUR, 1):
        radius = int(np.ceil(4 * sigma))
        expected = images.double().numpy()
        for axis in range(2, expected.ndim):
            expected = scipy.ndimage.gaussian_filter1d(expected, sigma, axis=axis, radius=radius, mode="reflect")
        assert np.abs(apply_shift("psf-blur", images, severity, IDS[:2], 0).numpy() - expected).max() < 2e-6


@pytest.mark.parametrize("spatial", [(48, 37), (5, 16, 11)])
def test_matrix_reduction_is_a_rectangular_window_in_k_space(spatial):
    images = phantom(2, 1, spatial)
    for severity, fraction in enumerate(resolution.MATRIX_REDUCTION, 1):
        kspace = scipy.fft.fft2(images.double().numpy())
        for axis in (-2, -1):
            n = spatial[axis]
            weight = np.clip(fraction * n / 2 - np.abs(scipy.fft.fftfreq(n, 1 / n)) + 0.5, 0, 1)
            kspace = kspace * (weight[:, None] if axis == -2 else weight)
        expected = np.abs(scipy.fft.ifft2(kspace)).clip(0, 1)
        out = apply_shift("matrix-reduction", images, severity, IDS[:2], 0).numpy()
        assert np.abs(out - expected).max() < 2e-6


def test_matrices_keep_a_constant():
    for matrix in (gaussian(17, 2.3), truncation(17, 0.3), truncation(16, 0.5), binning(17, 2.8), binning(5, 9.0)):
        assert (matrix.sum(1) - 1).abs().max() < 1e-6


def test_detector_binning_by_two_is_block_averaging():
    images = phantom(1, 1, (16, 16))
    out = apply_shift("detector-binning", images, 2, ["a"], 0)
    blocks = torch.nn.functional.avg_pool2d(images, 2).repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert (out - blocks).abs().max() < 1e-6
    mean = [float(apply_shift("detector-binning", phantom(1, 1, (48, 48)), s, ["a"], 0).mean()) for s in range(1, 6)]
    assert max(mean) - min(mean) < 0.01
