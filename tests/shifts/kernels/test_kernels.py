"""Compiled loops give the same bytes as the tensor code that they replace."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medshift.shifts import catalogue
from medshift.shifts.apply import apply_shift
from medshift.shifts.errors import MedshiftError
from medshift.shifts.families.kspace import _late_lines
from medshift.shifts.kernels import compiler
from medshift.shifts.numerics.matrices import along, binning, gaussian, magnification, separable, truncation, unit_noise
from medshift.shifts.numerics.phantom import phantom
from medshift.shifts.numerics.rng import SampleRng

pytest.importorskip("numba")
if not compiler.usable(torch.zeros(1)):
    pytest.skip("compiled loops are switched off", allow_module_level=True)

from medshift.shifts.kernels import separable as compiled  # it needs Numba

IDS = ["p1/s3", "p2", "", "ü\n", "p3"]
SHAPES = {
    "usual": (5, 3, 48, 48),
    "odd": (5, 1, 37, 41),
    "tiny": (3, 3, 8, 8),
    "pixel": (2, 1, 1, 1),
    "large": (2, 3, 160, 224),
    "two channels": (3, 2, 24, 31),
    "four channels": (3, 4, 25, 16),
    "volume": (3, 1, 7, 24, 20),
    "odd volume": (2, 1, 8, 13, 11),
}


@pytest.fixture
def tensors(monkeypatch):
    """Return a function that switches the compiled loops off."""

    def off():
        monkeypatch.setattr(compiler, "usable", lambda images: False)

    return off


def same(one, other):
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="torch draws otherwise")
@pytest.mark.parametrize("count", [1, 15, 16, 17, 31, 608, 623, 624, 625, 640, 1247, 6912, 70001])
def test_draws_are_those_of_torch_to_the_bit(count, tensors):
    def draw():
        rng = SampleRng(3, "a", 2, IDS)
        return rng.normal((count,)), rng.uniform((count,)), rng.normal((count, 2)), rng.integers(0, 9, (2,))

    ours = draw()
    assert compiler.usable(ours[0])
    tensors()
    for one, other in zip(ours, draw(), strict=True):
        assert torch.equal(one, other)
        assert one.dtype == other.dtype


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", sorted(catalogue.BUILTINS))
def test_every_shift_gives_the_same_bytes_compiled_and_not(name, shape, tensors):
    entry = catalogue.BUILTINS[name]
    if len(shape) - 2 not in entry.dims or not {0, shape[1]} & set(entry.channels):
        pytest.skip("not for such images")
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    images = torch.cat([images[:-1], (phantom(1, shape[1], shape[2:]) * 255).round() / 255])
    images[0] = images[0].where(images[0] > 0.9, -0.0)  # mostly black, with negative zeros
    severities = (0.5, 4)
    ours = [apply_shift(name, images, severity, IDS[: len(images)], 0) for severity in severities]
    tensors()
    for severity, one in zip(severities, ours, strict=True):
        assert same(one, apply_shift(name, images, severity, IDS[: len(images)], 0)), f"severity {severity}"


MATRICES = {
    "blur": lambda n: gaussian(n, 1.4),
    "wide blur": lambda n: gaussian(n, 6.0),
    "noise": lambda n: unit_noise(n, 1.5),
    "cells": lambda n: binning(n, 2.6),
    "zoom": lambda n: magnification(n, 0.6),
    "k-space": lambda n: truncation(n, 0.4),
    "odd": lambda n: _late_lines(n, 0.4)[1],
}


@given(data=st.data())
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_products_are_those_of_whole_numbers(data, monkeypatch):
    few = data.draw(st.booleans())  # one plane at a time, as for large images
    monkeypatch.setattr(compiled, "TILE", 200 if few else 32_768)
    monkeypatch.setattr(compiled, "PART", 300 if few else 1_048_576)
    dims = data.draw(st.sampled_from([2, 3]))
    shape = data.draw(st.lists(st.integers(1, 70 if dims == 2 else 12), min_size=dims, max_size=dims))
    steps = [
        (axis, MATRICES[data.draw(st.sampled_from(sorted(MATRICES)))](shape[axis]))
        for axis in data.draw(st.permutations(range(-dims, 0)))[: data.draw(st.integers(1, dims))]
    ]
    images = torch.rand(data.draw(st.integers(1, 5)), 2, *shape, generator=torch.Generator().manual_seed(dims)) * 2 - 1
    clip = data.draw(st.booleans())
    expected = images
    for axis, matrix in steps:
        expected = along(expected, matrix, axis)
    expected = expected.abs().clamp(0, 1) if clip else expected
    assert torch.equal(separable(images, *steps, clip=clip), expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("severity", [0.2, 1, 1.7, 3, 5])
def test_jpeg_rounds_halves_as_the_exact_matrix_does(severity, channels, tensors):
    """Flat blocks, stripes and checkerboards often give exact halves, which a rounding error would tip."""
    grid = torch.arange(32)
    patterns = [
        torch.zeros(32, 32),
        (grid % 2).expand(32, 32),
        (grid[:, None] + grid) % 2,
        grid // 8 % 2 * (grid[:, None] // 4 % 2),
    ]
    levels = torch.arange(256).view(-1, 1, 1, 1)
    images = torch.cat([(levels + pattern * step) % 256 for pattern in patterns for step in (1, 64)]) / 255
    images = torch.cat([images.roll(37 * c, 0) for c in range(channels)], 1).float()
    ids = [str(index) for index in range(len(images))]
    ours = apply_shift("jpeg", images, severity, ids, 0)
    tensors()
    assert same(ours, apply_shift("jpeg", images, severity, ids, 0))


@pytest.mark.parametrize("severity", [0.01, 0.1, 0.4])
def test_jpeg_has_no_negative_zeros(severity, tensors):
    images = (torch.rand(4, 1, 224, 224, generator=torch.Generator().manual_seed(0)) > 0.9).float()
    ours = apply_shift("jpeg", images, severity, IDS[:4], 0)
    assert not ours.signbit().any()
    tensors()
    assert same(ours, apply_shift("jpeg", images, severity, IDS[:4], 0))


def test_jpeg_rounds_coefficients_as_the_exact_matrix_does(tensors):
    """At steps of one or two, some of half a million are closer to a border than the two transforms differ."""
    images = torch.rand(8, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    ours = apply_shift("jpeg", images, 0.05, [str(index) for index in range(8)], 0)
    tensors()
    assert torch.equal(ours, apply_shift("jpeg", images, 0.05, [str(index) for index in range(8)], 0))


@pytest.mark.parametrize("name", sorted(name for name, entry in catalogue.BUILTINS.items() if entry.checks_range))
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_shifts_that_look_for_themselves_find_pixels_out_of_range(name, value):
    images = torch.full((3, 3, 200, 200), 0.5)
    images[2, 1, 199, 199] = value
    with pytest.raises(MedshiftError, match=r"finite and in \[0, 1\]"):
        apply_shift(name, images, 3, IDS[:3], 0)
    images[2, 1, 199, 199] = -0.0
    assert apply_shift(name, images, 3, IDS[:3], 0).isfinite().all()


@pytest.mark.parametrize("name", sorted(catalogue.BUILTINS))
def test_defaults_and_modes_of_torch_change_nothing(name):
    entry = catalogue.BUILTINS[name]
    shape = (4, 3 if {0, 3} & set(entry.channels) else 1, *((96, 128) if 2 in entry.dims else (8, 48, 64)))
    images = torch.rand(shape, generator=torch.Generator().manual_seed(2))
    expected = apply_shift(name, images, 2, IDS[:4], 0)
    with torch.inference_mode():
        assert same(apply_shift(name, images, 2, IDS[:4], 0), expected)
    last = torch.channels_last if images.ndim == 4 else torch.channels_last_3d
    assert same(apply_shift(name, images.contiguous(memory_format=last), 2, IDS[:4], 0), expected)
    if not entry.clips_itself:
        return
    torch.set_default_dtype(torch.float64)
    try:
        assert same(apply_shift(name, images, 2, IDS[:4], 0), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ["rigid-motion", "gibbs-ringing", "matrix-reduction", "psf-blur"])
def test_memory_stays_within_six_times_a_small_batch(name):
    images, ids = torch.rand(64, 1, 96, 96), [str(index) for index in range(64)]
    apply_shift(name, images, 3, ids, 0)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        apply_shift(name, images, 3, ids, 0)
    now = peak = 0
    for event in sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    assert 0.9 < peak / images.nbytes <= 6
