"""`medshift check dataset`: all that is wrong with a data set at once, and what a run will say of it."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import types
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from helpers.images.made_up_data import sites
from typer.testing import CliRunner

from medshift.benchmark import check_dataset
from medshift.benchmark.cli.main import app
from medshift.benchmark.datasets import registry
from medshift.shifts import plugins

NAME = "acme-scans"


def made(**changes):
    data = sites({"A": 24, "B": 20})
    given = {name: change(data) if callable(change) else change for name, change in changes.items()}
    return dataclasses.replace(data, name=NAME, **given)


@pytest.fixture
def offered(monkeypatch):
    """Returns a function that offers a loader as a plug-in."""
    module = types.ModuleType("acme_scans")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [EntryPoint(NAME, "acme_scans:load", group)])
    monkeypatch.setattr(registry, "TABLE", plugins.Table("medshift.datasets", "data set", registry.BUILTINS))

    def offer(load):
        module.load = load

    return offer


def test_a_good_one_passes_with_notes_of_what_a_run_will_say(offered):
    offered(lambda progress: made(notes=("read as it is",)))
    assert check_dataset(NAME) == []
    result = CliRunner().invoke(app, ["check", "dataset", NAME])
    assert (result.exit_code, result.output) == (0, f"note: read as it is\n{NAME}: ok\n")


def floats(data):
    pixels = data.pixels.astype(np.float32) / 255
    pixels[5, 0, 3, 3] = np.nan
    pixels[7] += 2
    return pixels


def parted(data):
    split = itertools.cycle(["train", "val", "test", "test"])
    return data.table.assign(split=[next(split) for _ in range(len(data.table))])


def of_one_class(data):
    return data.table.assign(label=data.table["label"].where(data.table["domain"] != "A", 0))


def shared(data):
    return data.table.assign(group=data.table["group"].str[2:])


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"pixels": floats, "value_range": (0.0, 1.0), "classes": ("neg", "pos", "other")},
            ["row 5 ('im/A_002_1.png') holds NaN (1 of 88 images)", "row 7 (", "no image is of `other`: leave"],
        ),
        ({"table": parted}, ["column `split` parts 22 groups", "no protocol can be made of it: 12 groups in both"]),
        ({"table": of_one_class}, ["the train split of source 'A' lacks class `pos`: choose another --source (B)"]),
        ({"table": shared}, ["all 20 groups are shared with the source A and count as the same patients"]),
    ],
)
def test_all_findings_come_at_once(offered, changes, problems):
    offered(lambda progress: made(**changes))
    found = check_dataset(NAME)
    assert len(found) == len(problems), found
    for line, wanted in zip(found, problems, strict=True):
        assert wanted in line
    result = CliRunner().invoke(app, ["check", "dataset", NAME])
    assert result.exit_code == 1
    assert result.output.endswith(f"{NAME}: {len(problems)} problem{'s'[: len(problems) > 1]}\n")


def test_what_the_data_set_itself_refuses_is_listed_whole(offered):
    offered(lambda progress: made(modality="X-Ray", version=1, pixels=lambda data: data.pixels.transpose(0, 2, 3, 1)))
    assert [problem.split(":")[1][:22] for problem in check_dataset(NAME)] == [
        " its version must be a",
        " pixels (88, 16, 16, 1",
        " unknown modality 'X-R",
    ]


def test_a_loader_that_fails_prints_or_gives_something_else_the_next_time_is_told(offered, capsys):
    seeds = itertools.count()

    def drawn(progress):
        print("reading")
        return made(table=lambda data: data.table.assign(group=[f"{next(seeds)}" for _ in range(len(data.table))]))

    offered(drawn)
    (problem,) = check_dataset(NAME)
    assert problem.startswith("loaded a second time it has other pixels or rows")
    assert capsys.readouterr().out == ""
    offered(lambda progress: {}["x"])
    (problem,) = check_dataset(NAME)
    assert problem.endswith("failed: KeyError: 'x'")
    (problem,) = check_dataset("acme-scan")
    assert problem == "unknown data set 'acme-scan'. Did you mean 'acme-scans'?"
