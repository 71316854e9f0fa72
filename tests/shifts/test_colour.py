"""Colour, exposure and tone against their formulas, computed independently."""

import numpy as np
import pytest
import torch

from medshift.shifts.apply import apply_shift
from medshift.shifts.families import colour, contrast
from medshift.shifts.numerics.phantom import phantom

IDS = [str(index) for index in range(64)]


def test_exposure_goes_both_ways_by_the_stops():
    out = apply_shift("exposure", torch.full((64, 1, 4, 4), 0.2), 5, IDS, 0)
    stops = (out[:, 0, 0, 0] / 0.2).log2()
    assert torch.allclose(stops.abs(), torch.tensor(contrast.EXPOSURE[4]), atol=1e-5)
    assert 16 < (stops > 0).sum() < 48


@pytest.mark.parametrize("severity", [1, 5])
def test_tone_curves_are_monotone_with_fixed_ends(severity):
    ramp = torch.linspace(0, 1, 1024).expand(64, 1, 1, 1024).contiguous()
    out = apply_shift("tone-curve", ramp, severity, IDS, 0)
    assert (out.diff(dim=-1) > -1e-7).all()
    assert (out[..., 0] == 0).all()
    assert torch.allclose(out[..., -1], torch.ones(()))
    assert (out - ramp).abs().amax() == pytest.approx(contrast.TONE_CURVE[severity - 1] / 4, rel=0.02)
    assert 16 < ((out - ramp).mean((1, 2, 3)) > 0).sum() < 48


def test_saturation_ends_in_grey_and_keeps_luma():
    images = phantom(2, 3, (24, 24))
    luma = (images * torch.tensor(colour.LUMA).view(3, 1, 1)).sum(1, keepdim=True)
    grey = apply_shift("saturation", images, 5, ["a", "b"], 0)
    assert (grey - luma).abs().max() < 1e-6
    pale = apply_shift("saturation", images, 2, ["a", "b"], 0)
    assert ((pale * torch.tensor(colour.LUMA).view(3, 1, 1)).sum(1, keepdim=True) - luma).abs().max() < 1e-6


def test_colour_temperature_follows_planck():
    out = apply_shift("colour-temperature", torch.full((64, 3, 2, 2), 0.4), 4, IDS, 0)[:, :, 0, 0].double()
    assert torch.allclose(out[:, 1], torch.tensor(0.4).double())
    warm = out[:, 0] > out[:, 2]
    assert 16 < warm.sum() < 48
    for chosen, mired in ((warm, 290.0), (~warm, 110.0)):
        measured = (out[chosen][0, 0] / out[chosen][0, 2]) ** 2.2
        light = [
            1 / np.expm1(1.438777e-2 / (wave * 1e-9 * kelvin)) for kelvin in (1e6 / mired, 5000) for wave in (610, 465)
        ]
        assert float(measured) == pytest.approx(light[0] / light[1] / (light[2] / light[3]), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("stain-he", colour.HAEMATOXYLIN, colour.EOSIN), ("stain-giemsa", colour.METHYLENE_BLUE, colour.EOSIN_Y)],
)
def test_stains_change_their_amounts_by_one_factor_each(name, first, second):
    vectors = np.array([first, second, np.cross(first, second)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    amounts = np.random.default_rng(0).uniform(0.15, 0.45, (64, 100, 2))
    pixels = 10 ** -(amounts @ vectors[:2])
    images = torch.tensor(pixels).float().movedim(-1, 1).reshape(64, 3, 10, 10).contiguous()
    out = apply_shift(name, images, 4, IDS, 0).double().reshape(64, 3, 100).movedim(1, -1).numpy()
    measured = -np.log10(out) @ np.linalg.inv(vectors)
    factors = measured[..., :2] / amounts
    assert factors.std(axis=1).max() < 2e-3
    assert np.allclose(np.hypot(*(factors.mean(axis=1).T - 1)), colour.STAIN_HE[3], atol=2e-3)
    assert np.abs(measured[..., 2]).max() < 2e-3


@pytest.mark.parametrize("name", ["stain-he", "stain-giemsa"])
def test_blank_glass_stays_white(name):
    white = torch.ones(8, 3, 6, 6)
    assert torch.equal(apply_shift(name, white, 5, IDS[:8], 0), white)
