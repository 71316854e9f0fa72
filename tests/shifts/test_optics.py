"""Structured noise, blur and geometry against scipy and the stated formulas."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from medshift.shifts import catalogue
from medshift.shifts.apply import apply_shift
from medshift.shifts.families import geometry, noise, resolution
from medshift.shifts.families.resolution import disc
from medshift.shifts.numerics.phantom import phantom

IDS = [str(index) for index in range(64)]


def flat(level, spatial=(48, 48)):
    return torch.full((len(IDS), 1, *spatial), level)


@pytest.mark.parametrize("severity", [1, 5])
def test_speckle_is_a_rician_factor_of_mean_square_one(severity):
    s = noise.SPECKLE[severity - 1]
    factor = apply_shift("speckle", flat(0.2), severity, IDS, 0).double() / 0.2
    assert factor.square().mean() == pytest.approx(1, abs=0.01)
    assert factor.pow(4).mean() == pytest.approx((1 + 8 * s**2 + 8 * s**4) / (1 + 2 * s**2) ** 2, rel=0.02)
    assert (apply_shift("speckle", flat(0.0), severity, IDS, 0) == 0).all()


@pytest.mark.parametrize("severity", [1, 5])
def test_dead_pixels_have_their_share(severity):
    out = apply_shift("dead-pixels", flat(0.5), severity, IDS, 0)
    share = noise.DEAD_PIXELS[severity - 1]
    for level in (0.0, 1.0):
        count = int((out == level).sum())
        assert abs(count - share / 2 * out.numel()) < 4 * (share / 2 * out.numel()) ** 0.5
    assert set(out.unique().tolist()) == {0.0, 0.5, 1.0}


@pytest.mark.parametrize("spatial", [(48, 48), (12, 16, 20)])
def test_correlated_noise_has_its_sd_everywhere_and_its_correlation(spatial):
    error = (apply_shift("correlated-noise", flat(0.5, spatial), 3, IDS, 0) - 0.5).double()
    assert error.std() == pytest.approx(noise.CORRELATED_NOISE[2], rel=0.03)
    edge, centre = error[..., 0], error[..., spatial[-1] // 2]
    assert edge.std() == pytest.approx(float(centre.std()), rel=0.1)
    middle = error[..., 6:-6]
    for lag in (1, 2):
        correlation = (middle[..., lag:] * middle[..., :-lag]).mean() / middle.square().mean()
        assert correlation == pytest.approx(np.exp(-(lag**2) / (4 * noise.GRAIN_PX**2)), abs=0.03)


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_defocus_is_scipys_convolution_with_a_disc(severity):
    images = phantom(2, 2, (37, 40))
    kernel = disc(resolution.DEFOCUS[severity - 1]).numpy()
    area = np.pi * resolution.DEFOCUS[severity - 1] ** 2
    assert kernel[len(kernel) // 2, len(kernel) // 2] == pytest.approx(1 / area, rel=0.03)
    expected = scipy.ndimage.convolve(images.double().numpy(), kernel[None, None], mode="reflect")
    assert np.abs(apply_shift("defocus", images, severity, IDS[:2], 0).numpy() - expected).max() < 2e-6


@pytest.mark.parametrize("severity", [1, 2, 5])
def test_motion_blur_spreads_a_point_over_its_path(severity):
    point = torch.zeros(64, 1, 41, 41)
    point[..., 20, 20] = 1
    out = apply_shift("motion-blur", point, severity, IDS, 0).double()
    path = resolution.MOTION_BLUR[severity - 1]
    assert torch.allclose(out.sum((1, 2, 3)), torch.ones(64).double(), atol=1e-6)
    offset = torch.arange(41) - 20.0
    rows, cols = (out * offset[:, None] ** 2).sum((1, 2, 3)), (out * offset**2).sum((1, 2, 3))
    spread = rows + cols  # variance along the path: path**2 / 12, plus that of a pixel's step
    assert ((spread - path**2 / 12).abs() < 0.35).all()
    kinds = {(bool(r > 1e-6), bool(c > 1e-6)) for r, c in zip(rows, cols, strict=True)}
    assert kinds == {(True, True), (True, False), (False, True)}
    diagonal = (out * offset[:, None] * offset).sum((1, 2, 3))
    assert (diagonal > 0.05).any()
    assert (diagonal < -0.05).any()


def test_motion_blur_along_an_axis_is_scipys_uniform_filter():
    images = phantom(1, 1, (24, 24)).expand(64, -1, -1, -1).contiguous()
    out = resolution._streak(images[:1], 5.0, 0, 1)
    expected = scipy.ndimage.uniform_filter1d(images[:1].double().numpy(), 5, axis=-1, mode="reflect")
    assert np.abs(out.numpy() - expected).max() < 1e-6


def test_thick_slices_are_means():
    images = phantom(2, 1, (8, 10, 10))
    out = apply_shift("slice-thickness", images, 2, ["a", "b"], 0)
    expected = images.unflatten(2, (4, 2)).mean(3).repeat_interleave(2, 2)
    assert (out - expected).abs().max() < 1e-6


@pytest.mark.parametrize("slices", [*range(10, 33), 48, 64])
def test_thicker_slices_do_more_damage_from_ten_slices_on(slices):
    damage = [0.0]
    for thickness in resolution.SLICE_THICKNESS:
        lost = torch.eye(slices, dtype=torch.float64) - resolution.binning(slices, thickness)
        damage.append(float(lost.square().sum()))  # of white noise
    assert damage == sorted(set(damage))
    assert slices >= catalogue.BUILTINS["slice-thickness"].slices


@pytest.mark.parametrize("severity", [1, 5])
def test_field_of_view_magnifies_about_the_centre(severity):
    ramp = torch.linspace(0, 1, 33).expand(1, 1, 33, 33).contiguous()
    out = apply_shift("field-of-view", ramp, severity, ["a"], 0)
    expected = 0.5 + (ramp - 0.5) * geometry.FIELD_OF_VIEW[severity - 1]
    assert (out - expected).abs().max() < 1e-6


@pytest.mark.parametrize("severity", [1, 5])
def test_rotation_is_scipys(severity):
    images = phantom(1, 1, (40, 36)).expand(16, -1, -1, -1).contiguous()
    out = apply_shift("rotation", images, severity, IDS[:16], 0).numpy()
    angle = geometry.ROTATION[severity - 1]
    both = [
        scipy.ndimage.rotate(images[0, 0].double().numpy(), turn, reshape=False, order=1, mode="reflect")
        for turn in (angle, -angle)
    ]
    found = [min(range(2), key=lambda side: np.abs(image[0] - both[side]).max()) for image in out]
    assert set(found) == {0, 1}
    for side, image in zip(found, out, strict=True):
        assert np.abs(image[0] - both[side]).max() < 1e-5
