"""Data sets of third parties: what fails, or breaks the contract, is one line that says whose it is."""

from __future__ import annotations

import dataclasses
import sys
import types
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from helpers.images.made_up_data import data as made_up

from medshift.benchmark.datasets import registry
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
        ({"table": column("label", 0.6, 1)}, "labels must be whole numbers"),
        ({"table": column("label", np.nan, 1)}, "labels must be whole numbers"),
        ({"table": column("label", "healthy")}, "labels must be whole numbers"),
        ({"table": column("domain", None, 3)}, "row 3 of its table has no domain"),
        ({"table": column("group", None)}, "row 0 of its table has no group"),
        ({"table": column("group", np.nan, 2)}, "row 2 of its table has no group"),
        ({"table": column("sample_id", None, 1)}, "row 1 of its table has no sample_id"),
    ],
)
def test_a_data_set_that_is_wrong_is_one_line(changes, problem):
    with pytest.raises(MedshiftError, match=f"^data set 'made-up': {problem}"):
        dataclasses.replace(made_up(), **changes)
