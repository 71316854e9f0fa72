"""Plug-ins in a protocol: family `plug-in`, whole and fractional severities, 8-bit re-quantisation."""

import sys
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.protocols.plan import Choices, plan, shift_names
from medshift.benchmark.runs import predict, stream
from medshift.benchmark.severity.matching import plan_protocol
from medshift.shifts import catalogue
from medshift.shifts.errors import MedshiftError
from medshift.shifts.numerics.severity import interpolate_severity
from medshift.shifts.plugins import Table


def dimmer(images, severity, rng):
    """Indexes its values, as plug-ins do."""
    return images * (0.91, 0.83, 0.71, 0.63, 0.51)[severity - 1]


def smooth(images, severity, rng):
    return images * (1 - interpolate_severity((0.1, 0.2, 0.3, 0.4, 0.5), severity, none=0.0))


def flat(images, severity, rng):
    return images


flat.dims = (3,)


class Seen:
    """A predictor that keeps what it is shown."""

    def __init__(self):
        self.batches = []

    def __call__(self, images):
        self.batches.append(images)
        return torch.full((len(images), 2), 0.5)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return manifest.read_manifest(folder(tmp_path_factory.mktemp("data") / "set"))


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    module = type(sys)("made")
    module.dimmer, module.smooth, module.flat = dimmer, smooth, flat
    monkeypatch.setitem(sys.modules, "made", module)
    targets = {name: f"made:{name}" for name in ("dimmer", "smooth", "flat")}
    monkeypatch.setattr(catalogue, "TABLE", Table("medshift.shifts", "shift", {**catalogue.TABLE.builtins, **targets}))


def shown(dataset, protocol, table, condition):
    seen = Seen()
    rows = stream.test_stream(protocol, table, condition)
    predict.predict(seen, dataset, rows, protocol, condition, torch.device("cpu"))
    return torch.cat(seen.batches), dataset.pixels[rows["row"].to_numpy()] / np.float32(255)


def test_a_plug_in_is_a_family_and_its_conditions_run(dataset):
    protocol, table = plan(dataset, Choices(shifts=("dimmer", "gamma"), severities=(2, 4)))
    assert protocol.shifts == {"dimmer": "plug-in", "gamma": "contrast"}
    conditions = {condition.key: condition for condition in protocol.conditions()}
    images, clean = shown(dataset, protocol, table, conditions["site-a/dimmer@4"])
    assert np.abs(images.numpy() - clean * 0.63).max() <= 0.5 / 255 + 1e-6
    only, _ = plan(dataset, Choices(shifts=("dimmer", "gamma"), families=("plug-in",)))
    assert only.shifts == {"dimmer": "plug-in"}
    standard, _ = plan(dataset, Choices())
    assert "dimmer" not in standard.shifts  # what is installed does not change a standard protocol
    with pytest.raises(MedshiftError, match="shift 'flat' does not accept the 2-D images"):
        plan(dataset, Choices(shifts=("flat",)))


@pytest.mark.parametrize(("slices", "suits"), [(9, False), (10, True)])
def test_slice_thickness_is_not_for_volumes_of_few_slices(slices, suits):
    table = pd.DataFrame({"sample_id": [f"{index:02d}" for index in range(40)], "label": [0, 1] * 20, "domain": "a"})
    table = table.assign(group=table["sample_id"])
    volumes = np.zeros((40, 1, slices, 4, 4), np.uint8)
    thin = Dataset("thin", "1", ("no", "yes"), "mr", table, volumes)
    assert ("slice-thickness" in shift_names(thin, Choices())) == suits
    told = f"'slice-thickness' needs 10 slices or more for severities that differ; the volumes of 'thin' have {slices}"
    with nullcontext() if suits else pytest.raises(MedshiftError, match=told):
        shift_names(thin, Choices(shifts=("slice-thickness",)))


@pytest.mark.parametrize("requantise", [True, False])
def test_eight_bit_images_are_rounded_to_eight_bits_after_a_shift(dataset, requantise):
    choices = Choices(shifts=("gaussian-noise", "smooth"), severities=(3,), requantise=requantise)
    protocol, table = plan(dataset, choices)
    assert protocol.grey_levels == (256 if requantise else 0)
    for condition in protocol.conditions():
        images, clean = shown(dataset, protocol, table, condition) if condition.domain == "site-a" else (None, None)
        if images is None:
            continue
        steps = images.double() * 255
        whole = float((steps - steps.round()).abs().max()) < 1e-4
        assert whole == (requantise or not condition.shift)
        if not condition.shift:
            assert np.abs(images.numpy() - clean).max() < 1e-6


def test_matched_fractions_reach_a_plug_in_that_takes_them(dataset):
    protocol, table = plan_protocol(dataset, Choices(shifts=("smooth",), scale="matched"))
    fractions = protocol.matched["smooth"]
    assert any(fraction != int(fraction) for fraction in fractions)
    condition = Condition("site-a", "synthesized", "smooth", fractions[0], "plug-in")
    assert condition in protocol.conditions()
    images, clean = shown(dataset, protocol, table, condition)
    gain = 1 - interpolate_severity((0.1, 0.2, 0.3, 0.4, 0.5), fractions[0], none=0.0)
    assert np.abs(images.numpy() - clean * gain).max() <= 0.5 / 255 + 1e-6
