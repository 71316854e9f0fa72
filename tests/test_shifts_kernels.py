"""Compiled loops give the bytes of the tensor code that they stand in for."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medshift.shifts import catalogue, kernels
from medshift.shifts.apply import apply
from medshift.shifts.errors import MedshiftError
from medshift.shifts.kspace import _late_lines
from medshift.shifts.matrices import along, binning, gaussian, magnification, separable, truncation, unit_noise
from medshift.shifts.phantom import phantom
from medshift.shifts.rng import Addressed

numba = pytest.importorskip("numba")
compiled = pytest.importorskip("medshift.shifts.kernels.separable")

IDS = ["p1/s3", "p2", "", "ü\n", "p3"]
SHAPES = {
    "usual": (5, 3, 48, 48),
    "odd": (5, 1, 37, 41),
    "tiny": (3, 3, 8, 8),
    "pixel": (2, 1, 1, 1),
    "large": (2, 3, 160, 224),
    "volume": (3, 1, 7, 24, 20),
    "odd volume": (2, 1, 8, 13, 11),
}


@pytest.fixture
def tensors(monkeypatch):
    """Switches the compiled loops off."""

    def off():
        monkeypatch.setattr(kernels, "usable", lambda images: False)

    return off


def same(one, other):
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="torch draws otherwise")
@pytest.mark.parametrize("count", [1, 15, 16, 17, 31, 608, 623, 624, 625, 640, 1247, 6912, 70001])
def test_draws_are_those_of_torch_to_the_bit(count, tensors):
    def draw():
        rng = Addressed(3, "a", 2, IDS)
        return rng.normal((count,)), rng.uniform((count,)), rng.normal((count, 2)), rng.integers(0, 9, (2,))

    ours = draw()
    assert kernels.usable(ours[0])
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
    severities = (1, 3, 5, 0.5)
    ours = [apply(name, images, severity, IDS[: len(images)], 0) for severity in severities]
    tensors()
    for severity, one in zip(severities, ours, strict=True):
        assert same(one, apply(name, images, severity, IDS[: len(images)], 0)), f"severity {severity}"


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
    few = data.draw(st.booleans())  # whole planes, or one at a time, as for large images
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
    """Flat blocks, stripes and boards of few levels end in halves all the time, which a rounding error would tip."""
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
    ours = apply("jpeg", images, severity, ids, 0)
    tensors()
    assert torch.equal(ours, apply("jpeg", images, severity, ids, 0))


def test_jpeg_rounds_coefficients_as_the_exact_matrix_does(tensors):
    """At steps of one or two, some of half a million lie nearer to a border than the transforms to each other."""
    images = torch.rand(8, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    ours = apply("jpeg", images, 0.05, [str(index) for index in range(8)], 0)
    tensors()
    assert torch.equal(ours, apply("jpeg", images, 0.05, [str(index) for index in range(8)], 0))


@pytest.mark.parametrize("name", sorted(name for name, entry in catalogue.BUILTINS.items() if entry.watchful))
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_shifts_that_look_for_themselves_find_pixels_out_of_range(name, value):
    images = torch.full((3, 3, 200, 200), 0.5)
    images[2, 1, 199, 199] = value
    with pytest.raises(MedshiftError, match=r"finite and in \[0, 1\]"):
        apply(name, images, 3, IDS[:3], 0)
    images[2, 1, 199, 199] = -0.0
    assert apply(name, images, 3, IDS[:3], 0).isfinite().all()


@pytest.mark.parametrize("without", ["sys.modules['numba'] = None", "os.environ['NUMBA_DISABLE_JIT'] = '1'"])
def test_without_numba_there_is_tensor_code(without):
    code = (
        f"import os, sys; {without}\n"
        "import torch\nfrom medshift.shifts import kernels\nfrom medshift.shifts.apply import apply\n"
        "images = torch.linspace(0, 1, 768).view(1, 3, 16, 16)\n"
        "print(kernels.usable(images), apply('jpeg', images, 3, ['a'], 0).sum().item())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    images = torch.linspace(0, 1, 768).view(1, 3, 16, 16)
    assert printed == ["False", str(apply("jpeg", images, 3, ["a"], 0).sum().item())]


def test_a_loop_is_compiled_where_nothing_can_be_written(monkeypatch):
    njit = numba.njit

    def nowhere(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", nowhere)

    @kernels.compiled
    def twice(x):
        return 2 * x

    assert twice(3) == 6


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@given(count=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_work_is_spread_over_threads_once_and_whole(threads, count):
    done = np.zeros(count, int)

    def task(first, last):
        done[first:last] += 1

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        kernels.spread(task, count, kernels.WORTH_A_THREAD)
    finally:
        torch.set_num_threads(before)
    assert (done == 1).all()
