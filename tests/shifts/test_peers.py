"""Agreement with TorchIO and MONAI where they are right: pixels, moments or spectra."""

import inspect

import numpy as np
import pytest
import torch

from medshift.shifts.apply import apply_shift
from medshift.shifts.families import contrast, noise, resolution
from medshift.shifts.families.geometry import ROTATION, _turned
from medshift.shifts.numerics.phantom import phantom

IDS = [str(index) for index in range(32)]
SEVERITIES = (1, 3, 5)


@pytest.fixture(scope="module")
def tio():
    return pytest.importorskip("torchio", minversion="0.20", exc_type=ImportError)


@pytest.fixture(scope="module")
def monai():
    return pytest.importorskip("monai.transforms", exc_type=ImportError)


def plain(image):
    return torch.as_tensor(image).as_subclass(torch.Tensor)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_gamma(tio, monai, severity):
    volume = phantom(1, 1, (8, 12, 10))
    volume[..., 0, 0], volume[..., -1, -1] = 0, 1  # MONAI applies the exponent relative to the image's own range
    ours = apply_shift("gamma", volume, severity, ["a"], 0)[0]
    exponent = contrast.GAMMA[severity - 1]
    assert (ours - tio.Gamma(gamma=exponent)(volume[0])).abs().max() < 2e-5
    assert (ours - plain(monai.AdjustContrast(gamma=exponent)(volume[0]))).abs().max() < 2e-5


@pytest.mark.parametrize("severity", SEVERITIES)
def test_blur(tio, monai, severity):
    volume = phantom(1, 1, (20, 24, 28))
    sigma = resolution.PSF_BLUR[severity - 1]
    ours = apply_shift("psf-blur", volume, severity, ["a"], 0)[0]
    assert (ours - tio.Blur(std=(sigma,) * 3)(volume[0])).abs().max() < 2e-3  # TorchIO rounds the cut-off radius
    image = phantom(1, 3, (64, 64))
    edge = int(np.ceil(4 * sigma)) + 1
    inner = (slice(None), slice(edge, -edge), slice(edge, -edge))
    theirs = plain(monai.GaussianSmooth(sigma, approx="sampled")(image[0]))
    assert (apply_shift("psf-blur", image, severity, ["a"], 0)[0][inner] - theirs[inner]).abs().max() < 5e-3


def moments(error):
    error = error.double().numpy()
    spectrum = np.abs(np.fft.fft2(error)) ** 2
    low = spectrum[..., :8, :8].mean() / spectrum.mean()
    return error.mean(), error.std(), low


@pytest.mark.parametrize("severity", [1, 3])
def test_gaussian_noise(tio, monai, severity):
    images = torch.full((32, 1, 48, 48), 0.5)
    sd = noise.GAUSSIAN_NOISE[severity - 1]
    ours = moments((apply_shift("gaussian-noise", images, severity, IDS, 0) - images)[:, 0])
    torch.manual_seed(0)
    add = monai.RandGaussianNoise(prob=1, std=sd, sample_std=False)
    add.set_random_state(0)
    for change in (tio.RandomNoise(std=(sd, sd)), add):
        theirs = moments(torch.stack([plain(change(image[..., None]))[0, ..., 0] - 0.5 for image in images]))
        assert ours == pytest.approx(theirs, abs=0.02 * sd, rel=0.06)


@pytest.mark.parametrize("level", [0.0, 0.05, 0.5])
def test_rician_noise(monai, level):
    images = torch.full((32, 1, 48, 48), level)
    sd = noise.RICIAN_NOISE[2]
    add = monai.RandRicianNoise(prob=1, std=sd, sample_std=False)
    add.set_random_state(0)
    theirs = torch.stack([plain(add(image)) for image in images])
    ours = apply_shift("rician-noise", images, 3, IDS, 0)
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), rel=0.01)
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.02)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_window(monai, severity):
    ramp = torch.linspace(0, 1, 4097).expand(1, 1, 1, 4097).contiguous()
    ours = apply_shift("window", ramp, severity, ["a"], 0)[0]
    low, high = (float(ramp[0, 0, 0, (ours[0, 0] < 0.25).sum()]), float(ramp[0, 0, 0, (ours[0, 0] < 0.75).sum()]))
    low, high = low - (high - low) / 2, high + (high - low) / 2  # the window's ends, from its quarters
    theirs = plain(monai.ScaleIntensityRange(low, high, 0, 1, clip=True)(ramp[0]))
    assert (ours - theirs).abs().max() < 2e-3


def test_rotation(monai):
    image = phantom(1, 1, (48, 48))
    degrees = ROTATION[4]
    both = [plain(monai.Rotate(np.radians(sign * degrees), padding_mode="reflection")(image[0])) for sign in (1, -1)]
    ours = _turned(image, degrees)[0]
    inner = (slice(None), slice(10, -10), slice(10, -10))
    assert min(float((ours[inner] - other[inner]).abs().max()) for other in both) < 2e-3


def test_what_peers_get_wrong_is_still_so(tio, monai):
    """A failure means that a peer was fixed: remove it from docs/concepts/peers.md, and compare pixels instead."""
    torch.manual_seed(0)
    ones = torch.ones(1, 12, 12, 12)
    gains = [float(tio.RandomBiasField(coefficients=0.5)(ones).mean()) for _ in range(20)]
    assert np.std(gains) > 0.1  # an overall gain
    field = apply_shift("bias-field", torch.full((20, 1, 12, 12, 12), 0.2), 3, IDS[:20], 0) / 0.2
    assert float(field.log().flatten(1).mean(1).abs().max()) < 1e-5
    assert inspect.signature(monai.RandRicianNoise).parameters["sample_std"].default is True
    assert monai.RandGaussianNoise().prob == 0.1
