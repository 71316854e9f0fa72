"""Data sets of third parties: what fails, or breaks the contract, is one line that says whose it is."""

from __future__ import annotations

import dataclasses
import sys
import types
from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd
import pytest
from helpers.images.made_up_data import data as made_up

from medshift.benchmark.datasets import registry
from medshift.benchmark.datasets.dataset import DatasetError, channels_last
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.shifts import plugins
from medshift.shifts.errors import MedshiftError


def named(name, **changes):
    return dataclasses.replace(made_up(), name=name, **changes)


LOADERS = {
    "fine": lambda progress: named("fine"),
    "takes-nothing": lambda: named("takes-nothing"),
    "fails": lambda progress: {}["x"],
    "leaves": lambda progress: sys.exit(0),
    "other-name": lambda progress: named("Other Name"),
    "number": lambda progress: 5,
}


@pytest.fixture
def table(monkeypatch):
    module = types.ModuleType("acme_data")
    for name, loader in LOADERS.items():
        setattr(module, name.replace("-", "_"), loader)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    points = [EntryPoint(name, f"acme_data:{name.replace('-', '_')}", "medshift.datasets") for name in LOADERS]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    monkeypatch.setattr(registry, "TABLE", plugins.Table("medshift.datasets", "data set", registry.BUILTINS))


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("takes-nothing", r"failed: TypeError: .*takes 0 positional arguments but 1 was given"),
        ("fails", "failed: KeyError: 'x'"),
        ("leaves", "failed: SystemExit: 0"),
        ("other-name", "calls itself 'Other Name': give the Dataset the name of its entry point"),
        ("number", "returned a int, not a Dataset"),
    ],
)
def test_a_loader_that_fails_is_one_line_that_names_its_package(name, problem):
    with pytest.raises(MedshiftError, match=f"^data set '{name}' of an unnamed distribution {problem}$"):
        registry.load_dataset(name)


@pytest.mark.usefixtures("table")
def test_one_that_keeps_the_contract_is_loaded():
    assert registry.load_dataset("fine").name == "fine"


def test_labels_may_lie_in_a_column_of_objects():
    table = made_up().table.astype({"label": object})
    assert dataclasses.replace(made_up(), table=table).table["label"].nunique() == 2


def column(name, value, row=slice(None)):
    table = made_up().table.astype({name: object})
    table.loc[row, name] = value
    return table.infer_objects()


RAGGED = np.empty(120, dtype=object)
for place in range(len(RAGGED)):
    RAGGED[place] = np.zeros((1, 24, 24) if place else (1, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": 1}, "its version must be a text, not 1"),
        ({"classes": ("a", "a")}, r"classes must be a tuple of different names, not \('a', 'a'\)"),
        ({"classes": (0, 1)}, "classes must be a tuple of different names"),
        ({"value_range": (5.0, 5.0)}, "value_range must be two rising numbers"),
        ({"value_range": (255.0, 0.0)}, "value_range must be two rising numbers"),
        ({"value_range": (0.0, np.inf)}, "value_range must be two rising numbers"),
        ({"value_range": (0.0, np.nan)}, "value_range must be two rising numbers"),
        ({"value_range": 255}, "value_range must be two rising numbers"),
        ({"table": column("label", 0.6, 1)}, r"labels must be whole numbers, .* row 1 \('a-1'\) has .*0\.6"),
        ({"table": column("label", np.nan, 1)}, r"labels must be whole numbers, .* row 1 \('a-1'\) has .*nan"),
        ({"table": column("label", "healthy")}, r"labels must be whole numbers, .* row 0 \('a-0'\) has 'healthy'"),
        ({"table": column("label", 7, 3)}, r"labels must be 0\.\.1; row 3 \('a-3'\) has 7$"),
        (
            {"table": column("label", -1, 4)},
            r"labels must be 0\.\.1; row 4 \('a-4'\) has -1; images without labels .*--unla",
        ),
        ({"pixels": RAGGED}, r"its images differ in size, e\.g\. \(1, 16, 16\) and \(1, 24, 24\): bring them to one"),
        (
            {"pixels": made_up().pixels.transpose(0, 2, 3, 1)},
            r"pixels \(120, 24, 24, 1\) look like \(N, H, W, C\), with 24",
        ),
        ({"table": column("domain", None, 3)}, "row 3 of its table has no domain"),
        ({"table": column("group", None)}, "row 0 of its table has no group"),
        ({"table": column("group", np.nan, 2)}, "row 2 of its table has no group"),
        ({"table": column("sample_id", None, 1)}, "row 1 of its table has no sample_id"),
    ],
)
def test_a_data_set_that_is_wrong_is_one_line(changes, problem):
    with pytest.raises(MedshiftError, match=f"^data set 'made-up': {problem}"):
        dataclasses.replace(made_up(), **changes)


def test_a_data_set_says_all_that_is_wrong_with_it():
    with pytest.raises(DatasetError) as refused:
        dataclasses.replace(made_up(), modality="X-Ray", table=column("label", 7, 3).drop(columns="group"))
    problems = refused.value.problems
    assert str(refused.value) == problems[0]
    assert [problem.partition(":")[2][:25] for problem in problems] == [
        " its table lacks group",
        " unknown modality 'X-Ray'",
        " labels must be 0..1; row",
    ]


@pytest.mark.parametrize(
    ("shape", "last"),
    [
        ((9, 32, 32, 1), True),
        ((9, 96, 128, 3), True),
        ((9, 16, 24, 24, 4), True),
        ((9, 1, 32, 32), False),
        ((9, 3, 32, 3), False),  # three columns of colours
        ((9, 12, 32, 32), False),  # twelve channels
        ((9, 12, 32, 4), True),
        ((9, 12, 5000, 1), False),  # twelve channels of long, narrow images
        ((9, 7, 8, 8, 8), False),
        ((9, 2, 2, 1), False),
    ],
)
def test_channels_that_come_last_are_told_from_many_channels(shape, last):
    assert channels_last(shape) is last


def test_a_category_without_images_is_no_domain():
    table = made_up().table
    coded = table.assign(domain=pd.Categorical(table["domain"], categories=["a", "b", "d"]))
    made = dataclasses.replace(made_up(), table=coded)
    assert made.domains == ["a", "b"]
    assert made.digest() == made_up().digest()
    protocol, _ = plan(made, Choices(source="a", shifts=("gamma",), severities=(1,)))
    assert protocol.targets == ("b",)


def floats(change):
    pixels = made_up().pixels.astype(np.float32) / 255
    change(pixels)
    return lambda progress: named("floats", pixels=pixels, value_range=(0.0, 1.0))


def test_pixels_of_a_plug_in_that_no_run_can_take_are_told_by_sample_value_and_way_on(monkeypatch):
    module = types.ModuleType("acme_floats")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [EntryPoint("floats", "acme_floats:floats", group)])
    monkeypatch.setattr(registry, "TABLE", plugins.Table("medshift.datasets", "data set", registry.BUILTINS))

    def nan(pixels):
        pixels[5, 0, 3, 3] = np.nan

    def wide(pixels):
        pixels[7:] = pixels[7:] * 4 - 1

    for change, problem in (
        (nan, r"row 5 \('a-5'\) holds NaN \(1 of 120 images\): replace it"),
        (
            wide,
            r"row 7 \('a-7'\) has values from -.* to .*, outside its value_range 0 to 1 \(113 of 120 images\): give",
        ),
    ):
        module.floats = floats(change)
        with pytest.raises(MedshiftError, match=f"^data set 'floats': {problem}"):
            registry.load_dataset("floats")
    module.floats = floats(lambda pixels: None)
    assert registry.load_dataset("floats").value_problems() == []
