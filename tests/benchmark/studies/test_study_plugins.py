"""Studies that packages bring: a Study or the path of a file, and what is wrong with one in a line."""

from __future__ import annotations

import dataclasses
import sys
import types
from importlib.metadata import Distribution, EntryPoint

import pytest
from helpers.boards import SMALL

from medshift.benchmark.studies import registry
from medshift.benchmark.studies.study import Answer, Arm, Axis, Study
from medshift.shifts.errors import MedshiftError


class Package(Distribution):
    """An installed package with entry points."""

    def __init__(self, name, points):
        self._name, self._points = name, points

    @property
    def metadata(self):
        return {"Name": self._name, "Version": "1"}

    name = property(lambda self: self._name)
    version = property(lambda self: "1")

    def read_text(self, filename):
        return None

    def locate_file(self, path):
        return path


def installed(monkeypatch, **points):
    """Install a package per name, each with one study."""
    found = []
    for package, (name, value) in points.items():
        point = EntryPoint(name, value, registry.GROUP)
        found.append(point._for(Package(package, [point])))
    table = registry.Table(registry.GROUP, "study", registry.BUILTINS, "studies")
    table.__dict__["_points"] = found
    monkeypatch.setattr(registry, "TABLE", table)


def test_a_package_brings_a_study_or_the_path_of_a_file(tmp_path, monkeypatch):
    (tmp_path / "s.toml").write_text(SMALL)
    (tmp_path / "acme_studies.py").write_text(
        "from pathlib import Path\n"
        "from medshift.benchmark.studies.study import Arm, Answer, Study\n"
        "FILE = Path(__file__).with_name('s.toml')\n"
        "ARMS = {'a': Arm('scratch'), 'c': Arm('cbr-tiny')}\n"
        "OWN = Study('x', 'Why?', 'c', 's', 'r', ARMS, (Answer('difference', 'a', 't', against='c', least=0),))\n"
        "WRONG = Study('x', 'Why?', 'c', 's', 'r', ARMS, (Answer('difference', 'b', 't', against='a', least=0),))\n"
        "NOTHING = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    installed(
        monkeypatch,
        one=("acme-file", "acme_studies:FILE"),
        two=("acme-own", "acme_studies:OWN"),
        three=("acme-wrong", "acme_studies:WRONG"),
        four=("acme-nothing", "acme_studies:NOTHING"),
        five=("acme-broken", "acme_missing:X"),
        six=("acme-twice", "acme_studies:OWN"),
        seven=("acme-twice", "acme_studies:FILE"),
        eight=("transfer", "acme_studies:OWN"),
    )
    assert registry.load_study("acme-file").study.question == "Does a higher rate do better?"
    assert registry.load_study("acme-own").study.name == "acme-own"
    assert registry.load_study("transfer").study.arms.keys() >= {"imagenet", "random"}  # a built-in keeps its name
    for name, said in {
        "acme-wrong": "study 'x', answers.0.of: no arm 'b'",
        "acme-nothing": "study 'acme-nothing' of four 1 is not a Study, nor the Path of a TOML file",
        "acme-broken": "study 'acme-broken' of five 1 cannot be loaded: ModuleNotFoundError: No module named",
        "acme-twice": "two studies are named 'acme-twice': one from six 1, one from seven 1.",
        "acme-fil": "unknown study 'acme-fil'. Did you mean 'acme-file'",
    }.items():
        with pytest.raises(MedshiftError) as raised:
            registry.load_study(name)
        assert said in str(raised.value)


ANSWER = Answer("difference", "a", "{value}", against="b", least=0)
ARMS = {"a": Arm("scratch", {"lr": 0.01}), "b": Arm("linear-probe")}
OWN = Study("x", "Why?", "c", "s", "r", ARMS, (ANSWER,))


def brought(monkeypatch, **fields):
    """Load the study above, with other fields, as a package's."""
    module = types.ModuleType("acme_studies")
    module.OWN = dataclasses.replace(OWN, **fields)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    installed(monkeypatch, one=("acme", "acme_studies:OWN"))
    return registry.load_study("acme").study


def test_a_study_in_python_is_taken_as_it_is_and_lists_are_tuples(monkeypatch):
    analysis = object()
    axes = [Axis("rate", [0.1, 1], setting="lr", arms=["a"])]
    made = brought(monkeypatch, axes=axes, protocol={"severities": (1, 3)}, analysis=analysis)
    axis = Axis("rate", (0.1, 1), setting="lr", arms=("a",))
    assert made == dataclasses.replace(OWN, name="acme", axes=(axis,), protocol={"severities": (1, 3)})
    assert made.analysis is analysis


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"seeds": "3"}, "seeds: input should be a valid integer, not '3'"),
        ({"seeds": 1.5}, "seeds: input should be a valid integer"),
        ({"arms": {"a": "scratch", "b": "linear-probe"}}, "arms.a: "),
        ({"arms": [Arm("scratch")]}, "arms: "),
        ({"arms": {"a": Arm("scratch", cost=float("nan")), "b": Arm("scratch")}}, "arms.a.cost: "),
        ({"answers": ({"measure": "difference"},)}, "answers.0: 'of' is missing"),
        ({"answers": ANSWER}, "answers: "),
        (
            {"answers": (dataclasses.replace(ANSWER, measure="ratio"),)},
            "answers.0.measure: input should be 'difference'",
        ),
        ({"answers": (dataclasses.replace(ANSWER, figure="cleen"),)}, "answers.0.figure: input should be 'clean'"),
        ({"answers": (dataclasses.replace(ANSWER, least="0"),)}, "answers.0.least: input should be a valid number"),
        ({"axes": (Axis("x", (1, 2), kind="foo"),)}, "axes.0.kind: input should be"),
        ({"axes": (Axis("x", (1, 2), setting="steps", scale="lgo"),)}, "axes.0.scale: input should be"),
        ({"draw": ("clen",)}, "draw.0: input should be"),
        ({"question": None}, "question: input should be a valid string, not None"),
        ({"limits": (object(),)}, "limits.0: "),
        ({"protocol": types.MappingProxyType({})}, ""),
    ],
)
def test_a_study_in_python_is_held_to_what_a_file_is(monkeypatch, fields, problem):
    with pytest.raises(MedshiftError) as raised:
        brought(monkeypatch, **fields)
    assert str(raised.value).startswith(
        (f"study 'x', {problem}", "study 'acme' of one 1 is wrong: TypeError")[not problem]
    )
    assert "\n" not in str(raised.value)
