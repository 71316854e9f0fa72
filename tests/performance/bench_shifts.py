"""Time every built-in shift against a copy of the batch and against the same corruption in other libraries.

    make bench  # three passes one after another, and docs/reference/performance.md from the minimum over all rounds

Batches go through `apply_shift`, so the times include the checks of input and output, and the draws. Other libraries
get images one by one in their own form, without the conversion, and only a part of the batch.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from performance.peers import BESIDE, FOUR, form, peers, run

from medshift.shifts import catalogue
from medshift.shifts.apply import apply_shift
from medshift.shifts.numerics.phantom import phantom

SIZES = {"64x3x96x96": (64, 3, 96, 96), "32x3x224x224": (32, 3, 224, 224), "4x1x96x96x96": (4, 1, 96, 96, 96)}
PART = {"64x3x96x96": 16, "32x3x224x224": 4, "4x1x96x96x96": 1}  # images timed in other libraries, scaled to the batch
SEVERITY = 3
WORKLOADS = {"64x1x96x96 mr": (64, 1, 96, 96), "64x3x96x96 fundus": (64, 3, 96, 96)}


def takes(name: str, shape: tuple[int, ...]) -> bool:
    entry = catalogue.BUILTINS[name]
    return len(shape) - 2 in entry.dims and bool({0, shape[1]} & set(entry.channels))


CASES = [(size, name) for size, shape in SIZES.items() for name in catalogue.BUILTINS if takes(name, shape)]
PEERS = [
    (size, name, library)
    for size, shape in SIZES.items()
    for name, libraries in peers(len(shape) - 2).items()
    for library in libraries
    if takes(name, shape)
]


def batch(shape: tuple[int, ...]) -> torch.Tensor:
    return (phantom(shape[0], shape[1], shape[2:]) * 255).round() / 255


def timed(benchmark, function, size, who, shift="", scale=1.0):
    benchmark.extra_info.update(size=size, who=who, shift=shift, scale=scale)
    benchmark.pedantic(function, rounds=10, warmup_rounds=1)


@pytest.mark.parametrize("size", SIZES)
def test_copy(benchmark, size):
    images = batch(SIZES[size])
    timed(benchmark, images.clone, size, "copy")


@pytest.mark.parametrize(("size", "name"), CASES)
def test_shift(benchmark, size, name):
    images = batch(SIZES[size])
    ids = [str(index) for index in range(len(images))]
    timed(benchmark, lambda: apply_shift(name, images, SEVERITY, ids, 0), size, "medshift", name)


@pytest.mark.parametrize(("size", "name", "library"), PEERS)
def test_peer(benchmark, size, name, library):
    images = form(library, batch((PART[size], *SIZES[size][1:])))
    change = peers(len(SIZES[size]) - 2)[name][library]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (changed,) = run(change, images[:1])
        except (TypeError, ValueError, AttributeError) as error:
            pytest.skip(f"{library} fails at {name}: {error}")
        assert not np.array_equal(np.asarray(changed), np.asarray(images[0]))  # what does nothing is not a peer
        timed(benchmark, lambda: run(change, images), size, library, name, SIZES[size][0] / PART[size])
    assert library in (*FOUR, BESIDE)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_conditions_of_a_run(benchmark, workload):
    """Apply all shifts of a modality to a batch at severity 3, as is done for each forward pass of a network."""
    shape, modality = WORKLOADS[workload], workload.split()[1]
    images, names = batch(shape), catalogue.shifts_for_modality(modality, channels=shape[1])
    ids = [str(index) for index in range(len(images))]

    def conditions():
        for name in names:
            apply_shift(name, images, SEVERITY, ids, 0)

    timed(benchmark, conditions, workload, "conditions", scale=1 / len(names))


def test_forward(benchmark):
    timm = pytest.importorskip("timm")
    model = timm.create_model("tf_efficientnet_lite0", num_classes=2).eval().to(memory_format=torch.channels_last)
    images = batch((64, 3, 96, 96)).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        timed(benchmark, lambda: model(images), "64x3x96x96", "forward")


@pytest.mark.parametrize(("size", "name"), CASES)
def test_memory(size, name, record_property):
    """Peak memory of a shift for result and intermediate values, in batches; cached tables are not counted."""
    images = batch(SIZES[size])
    ids = [str(index) for index in range(len(images))]
    apply_shift(name, images, SEVERITY, ids, 0)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        apply_shift(name, images, SEVERITY, ids, 0)
    now = peak = 0
    for event in sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    record_property("batches", peak / images.nbytes)
    assert 0.9 < peak / images.nbytes <= 6
