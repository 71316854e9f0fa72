"""Compiled loops give the bytes of the tensor code that they stand in for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.shifts import catalogue, kernels
from medshift.shifts.apply import apply
from medshift.shifts.phantom import phantom
from medshift.shifts.rng import Addressed

numba = pytest.importorskip("numba")

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
