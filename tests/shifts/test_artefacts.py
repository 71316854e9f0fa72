"""Fields, k-space and JPEG against scipy's FFT, Pillow's libjpeg and the stated formulas."""

import io
import math

import numpy as np
import pytest
import scipy.fft
import torch
from PIL import Image

from medshift.shifts.apply import apply_shift
from medshift.shifts.families import fields, kspace
from medshift.shifts.families.jpeg import JPEG
from medshift.shifts.numerics.phantom import phantom
from medshift.shifts.numerics.rng import SampleRng

IDS = [str(index) for index in range(16)]


@pytest.mark.parametrize("spatial", [(24, 31), (6, 10, 12)])
def test_bias_field_has_its_range_and_no_constant_gain(spatial):
    for severity in (1, 5):
        gain = apply_shift("bias-field", torch.full((16, 1, *spatial), 0.1), severity, IDS, 0).double() / 0.1
        log = gain.log().flatten(1)
        assert log.mean(1).abs().max() < 1e-6
        span = np.log1p(fields.BIAS_FIELD[severity - 1])
        assert ((log.amax(1) - log.amin(1)) - span).abs().max() < 1e-5


def test_bias_field_varies_along_every_axis():
    log = apply_shift("bias-field", torch.full((16, 1, 20, 20), 0.1), 4, IDS, 0).log().double()
    for axis in (-1, -2):
        assert (log.mean(axis).std(-1) > 0.01).float().mean() > 0.8


def test_vignetting_loses_its_share_in_the_corner():
    gain = apply_shift("vignetting", torch.ones(1, 3, 201, 301), 3, ["a"], 0)
    assert gain[..., 0, 0].mean() == pytest.approx(1 - fields.VIGNETTING[2], abs=0.005)
    assert gain[..., 100, 150].min() == 1


@pytest.mark.parametrize("level", [0.0, 0.3, 0.6])
def test_grid_lines_are_bright_columns_of_the_same_height_in_air_and_in_bone(level):
    lines = apply_shift("grid-lines", torch.full((16, 1, 5, 256), level), 5, IDS, 0) - level
    assert torch.allclose(lines, lines[:, :, :1].expand_as(lines), atol=1e-6)
    assert lines.amin() >= 0
    assert lines.amax() == pytest.approx(-math.log10(1 - fields.GRID_LINES[4]) / 2, abs=0.005)
    spectrum = np.abs(np.fft.rfft(lines[:, 0, 0].numpy() - lines[:, 0, 0].mean(-1, keepdim=True).numpy()))
    assert (256 / spectrum.argmax(1) > 2.9).all()
    assert (256 / spectrum.argmax(1) < 9.2).all()


def test_rings_are_rings():
    ring = apply_shift("ring-artefact", torch.full((16, 1, 33, 33), 0.5), 5, IDS, 0) - 0.5
    assert torch.allclose(ring, ring.rot90(1, (-2, -1)), atol=1e-6)
    assert torch.allclose(ring, ring.transpose(-2, -1), atol=1e-6)
    assert ring.std() > 0.3 * fields.RING_ARTEFACT[4]


@pytest.mark.parametrize("spatial", [(24, 20), (3, 17, 9)])
def test_gibbs_ringing_truncates_phase_encoding_alone(spatial):
    images = phantom(2, 1, spatial)
    n = spatial[-2]
    weight = np.clip(kspace.GIBBS_RINGING[2] * n / 2 - np.abs(scipy.fft.fftfreq(n, 1 / n)) + 0.5, 0, 1)
    lines = scipy.fft.fft(images.double().numpy(), axis=-2) * weight[:, None]
    expected = np.abs(scipy.fft.ifft(lines, axis=-2)).clip(0, 1)
    assert np.abs(apply_shift("gibbs-ringing", images, 3, IDS[:2], 0).numpy() - expected).max() < 2e-6


@pytest.mark.parametrize("spatial", [(60, 20), (3, 60, 9)])
def test_ghosting_is_a_periodic_phase_error_in_k_space(spatial):
    images = phantom(16, 1, spatial) * 0.5
    rng, ones = SampleRng(0, "ghosting", 3, IDS), (1,) * (len(spatial) - 2)
    period = rng.integers(*kspace.PERIODS, (*ones, 1)).numpy().reshape(-1, 1)
    phase = rng.uniform((1, *ones, 1, 1)).double().numpy().reshape(-1, 1) * 2 * np.pi
    line = np.arange(spatial[-2])
    error = np.exp(1j * kspace.GHOSTING[2] * np.sin(2 * np.pi * line / period + phase))
    error = error.reshape(16, *ones, 1, -1, 1)
    expected = np.abs(scipy.fft.ifft(scipy.fft.fft(images.double().numpy(), axis=-2) * error, axis=-2))
    out = apply_shift("ghosting", images, 3, IDS, 0).numpy()
    assert np.abs(out - expected).max() < 5e-4  # Bessel functions of order 4 and more are left out
    assert set(period.flatten()) == {3, 4, 5}


@pytest.mark.parametrize("spatial", [(32, 32), (8, 16, 16)])
def test_spike_is_one_frequency(spatial):
    out = apply_shift("kspace-spike", torch.full((16, 1, *spatial), 0.5), 1, IDS, 0).double().numpy()
    axes = tuple(range(2, out.ndim))
    power = np.abs(scipy.fft.fftn(out - out.mean(axes, keepdims=True), axes=axes)) ** 2
    power = power.reshape(16, -1)
    top = np.sort(power, axis=1)[:, -2:].sum(1)
    assert (top / power.sum(1) > 0.99).all()
    assert len(set(power.argmax(1))) > 8
    empty = apply_shift("kspace-spike", torch.zeros(16, 1, *spatial), 4, IDS, 0)
    assert torch.allclose(empty, torch.tensor(kspace.KSPACE_SPIKE[3]), atol=1e-5)


@pytest.mark.parametrize("severity", [1, 4])
def test_rigid_motion_mixes_lines_of_two_positions(severity):
    images = phantom(16, 1, (50, 40))
    rng = SampleRng(0, "rigid-motion", severity, IDS)
    moved = images.double().numpy()
    for axis in (-2, -1):
        draw = rng.uniform((2, 1, 1)).numpy().reshape(16, 2)
        n = images.shape[axis]
        step = np.maximum(1, np.round((0.02 + np.float32(0.04) * draw[:, 0]) * n)) * np.where(draw[:, 1] < 0.5, 1, -1)
        padded = np.pad(moved, [(0, 0)] * 2 + [(8, 8) if a == axis else (0, 0) for a in (-2, -1)], mode="symmetric")
        moved = np.stack([padded[i].take(np.arange(n) + 8 - int(step[i]), axis=axis) for i in range(16)])
    order = scipy.fft.fftfreq(50, 1 / 50)
    late = np.clip(order - (order.max() + 0.5 - kspace.RIGID_MOTION[severity - 1] * 50) + 0.5, 0, 1)[:, None]
    before, after = scipy.fft.fft(images.double().numpy(), axis=-2), scipy.fft.fft(moved, axis=-2)
    expected = np.abs(scipy.fft.ifft(before * (1 - late) + after * late, axis=-2)).clip(0, 1)
    assert np.abs(apply_shift("rigid-motion", images, severity, IDS, 0).numpy() - expected).max() < 3e-6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("spatial", [(48, 48), (61, 45)])
def test_jpeg_is_libjpegs(channels, spatial):
    images = (phantom(4, channels, spatial) * 255).round() / 255
    for severity, quality in enumerate(JPEG, 1):
        out = (apply_shift("jpeg", images, severity, IDS[:4], 0) * 255).round().numpy()
        for image, ours in zip((images * 255).round().byte().numpy(), out, strict=True):
            stream = io.BytesIO()
            Image.fromarray(np.moveaxis(image, 0, -1).squeeze()).save(stream, "JPEG", quality=int(quality))
            theirs = np.moveaxis(np.asarray(Image.open(stream)).reshape(*spatial, channels), -1, 0)
            off = np.abs(ours - theirs.astype(float))
            assert off.mean() < 0.7
            assert (off <= 3).mean() > 0.95


def test_rows_of_colour_below_an_image_are_filled_up_after_halving_as_libjpeg_does():
    grid = torch.rand(1, 3, 10, 9, generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.interpolate(grid, (72, 64), mode="bicubic").clamp(0, 1)
    images = (smooth * 255).round() / 255
    out = (apply_shift("jpeg", images, 3, IDS[:1], 0)[0] * 255).round().numpy()
    stream = io.BytesIO()
    Image.fromarray(np.moveaxis((images[0] * 255).round().byte().numpy(), 0, -1)).save(stream, "JPEG", quality=26)
    theirs = np.moveaxis(np.asarray(Image.open(stream)), -1, 0)
    assert (np.abs(out - theirs.astype(float)) > 2).mean() < 0.001


def test_jpeg_takes_slices_and_other_channel_counts():
    volume = phantom(2, 2, (3, 16, 24))
    out = apply_shift("jpeg", volume, 3, ["a", "b"], 0)
    single = apply_shift("jpeg", volume[:, 1:, 1].contiguous(), 3, ["a", "b"], 0)
    assert torch.equal(out[:, 1, 1], single[:, 0])
