"""Every baseline keeps the contract, and the check says where one does not."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest
import torch

from medshift.baselines.pretrained.packaged import PACKAGED
from medshift.benchmark.contract import registry
from medshift.benchmark.contract.checks import check_baseline, tiny
from medshift.benchmark.runs.job import Job
from medshift.shifts import plugins
from medshift.shifts.errors import MedshiftError
from medshift.shifts.plugins import Table

# of these, another one that differs in sizes or initial values only is tested every time
ALIKE = {
    "cbr-large-t",
    "cbr-large-w",
    "cbr-small",
    "cbr-tiny-wide",
    "cdan",
    "random-init",
    "scratch-meanvar",
    "ssl-source",
}
# with the network that it has by default; others have about a thirtieth of it, of the same kind of blocks
AS_IT_IS = {"imagenet-finetune"}
# whose averaging begins after three evaluations, one in a step
LONGER = {"swad"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in ALIKE)) for name in sorted(registry.BUILTINS)],
)
def test_every_baseline_keeps_the_contract(name, request):
    kind = registry.load_baseline(name)
    settings = ["steps=2"] if hasattr(kind, "steps") and name not in LONGER else []
    if getattr(kind, "arch", "") == PACKAGED and name not in AS_IT_IS:
        request.getfixturevalue("any_weights")
        settings += ["arch=test_efficientnet"]
    assert check_baseline(name, settings) == []


@pytest.mark.parametrize("name", sorted(registry.BUILTINS))
def test_every_baseline_says_what_it_is(name):
    kind = registry.load_baseline(name)
    assert len((kind.__doc__ or "").splitlines()[0]) > 20
    assert any(year in kind.paper for year in map(str, range(1999, 2026))) or "arXiv" in kind.paper


@pytest.mark.parametrize("name", sorted(registry.BUILTINS))
def test_the_catalogue_says_what_the_class_says(name):
    entry, kind = registry.BUILTINS[name], registry.load_baseline(name)
    assert entry.sees == kind.sees
    assert entry.paper == kind.paper
    assert entry.summary == kind.__doc__.strip().partition("\n")[0]
    assert (entry.approach == "adaptation") == (entry.sees != "source")
    folder = entry.target.split(".")[2]  # baselines are filed by what they may see
    assert folder in {"adaptation": ("adaptation", "test_time")}.get(
        entry.approach, ("transfer", "scratch", "generalisation")
    )


@dataclass(frozen=True)
class Faulty:
    """A baseline with one fault."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    fault: str = "none"
    rate: float = 0.1

    def fit(self, access):
        if self.fault == "targets":
            return access.targets["site-b"].labels
        if self.fault == "exits":
            raise SystemExit(0)
        if self.fault == "nothing":
            return None
        if self.fault == "number":
            return 5
        if self.fault == "locked":
            return Locked()
        if self.fault == "prints":
            print("as I go")
        if self.fault == "seeds":
            torch.manual_seed(0)
        return Steady(self.fault, torch.rand(1) if self.fault == "draws" else torch.tensor([0.5]))


class Locked:
    def __init__(self):
        self.level, self.guard = 0.5, threading.Lock()

    def __call__(self, images):
        return torch.full((len(images), 2), 0.5)


@dataclass
class Thawed:
    """A baseline that is not frozen."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"

    def fit(self, access):
        return Steady("none", torch.tensor([0.5]))


class Steady:
    shared: ClassVar[list[int]] = []

    def __init__(self, fault, level):
        self.fault, self.level = fault, level

    def __call__(self, images):
        Steady.shared.append(len(images))
        if self.fault == "changes":
            images.zero_()
        if self.fault == "one" and len(images) == 1:
            raise ValueError("expected more than 1 value")
        if self.fault == "batch":
            level = images.mean((1, 2, 3)) / images.mean() / 2
            return torch.stack([level, 1 - level], 1).clamp(0, 1)
        if self.fault == "running":
            self.level = 0.5 * self.level + 0.5 * images.mean()
        if self.fault == "order":
            level = images.mean((1, 2, 3)).sort().values
            return torch.stack([level, 1 - level], 1)
        level = self.level / len(Steady.shared) if self.fault == "leaks" else self.level
        return torch.cat([level, 1 - level]).expand(len(images), 2)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("none", None),
        ("targets", "raised KeyError"),
        ("nothing", "baseline 'faulty': fit returned None; return an object that is called with images"),
        ("number", "baseline 'faulty': fit returned a int; return"),
        (
            "locked",
            "copy.deepcopy of its Locked fails at the attribute 'guard': TypeError: cannot pickle '_thread.lock'",
        ),
        ("seeds", "used or seeded torch's global random state"),
        ("draws", "a second fit with the same seed predicts differently"),
        ("leaks", "state of one copy of the predictor reaches another"),
        ("changes", "changed the images it was given"),
        ("batch", "predicts an image differently with others in the batch, by up to 0."),
        ("running", "predicts an image differently with others in the batch"),
        ("order", "predicts an image differently with others in the batch"),
        ("one", "raised ValueError: expected more than 1 value"),
    ],
)
def test_faulty_baselines_are_told_why(monkeypatch, fault, message):
    monkeypatch.setitem(registry.TABLE.builtins, "faulty", f"{__name__}:Faulty")
    problems = check_baseline("faulty", [f"fault={fault}"])
    assert (message is None and problems == []) or any(message in problem for problem in problems)


@dataclass(frozen=True)
class Odd(Faulty):
    """Has a hyper-parameter that no value of can be checked."""

    layers: int | None = None
    net: torch.Tensor | None = None


def test_a_hyper_parameter_of_another_type_is_named(monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "odd", f"{__name__}:Odd")
    (problem,) = check_baseline("odd")
    assert problem == (
        "baseline 'odd': hyper-parameter 'net' has the type torch.Tensor | None; types are int, float, bool, str, None "
        "and Literal"
    )


def test_a_dataclass_that_is_not_frozen_is_told(monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "thawed", f"{__name__}:Thawed")
    (problem,) = check_baseline("thawed")
    assert problem.startswith("is a dataclass that is not frozen")


def test_what_a_method_prints_does_not_mix_with_what_a_check_says(monkeypatch, capsys):
    monkeypatch.setitem(registry.TABLE.builtins, "faulty", f"{__name__}:Faulty")
    assert check_baseline("faulty", ["fault=prints"]) == []
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "as I go\nas I go\n")


def test_what_declares_test_batches_may_look_at_the_batch(monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "faulty", f"{__name__}:Faulty")
    monkeypatch.setattr(Faulty, "sees", "test-batches")
    assert check_baseline("faulty", ["fault=batch"]) == []


def test_settings_that_a_short_check_cannot_have_are_told():
    (problem,) = check_baseline("coral", ["accumulate=16"])
    assert problem.startswith(
        "does not take the settings of a short check, steps=4, batch_size=8 (ValueError: accumulate must"
    )
    assert problem.endswith("): --set others")


def test_a_baseline_that_exits_is_told_so(monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "faulty", f"{__name__}:Faulty")
    assert check_baseline("faulty", ["fault=exits"]) == ["raised SystemExit: 0"]


FLOATS = [
    (name, field.name)
    for name in sorted(registry.BUILTINS)
    for field in dataclasses.fields(registry.load_baseline(name))
    if isinstance(field.default, float)
]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(("name", "key"), FLOATS)
def test_what_is_not_a_finite_number_is_refused_by_every_built_in_method(name, key, value):
    with pytest.raises(ValueError, match=f"^{key} must be a finite number, not {value}$"):
        registry.load_baseline(name)(**{key: float(value)})
    with pytest.raises(MedshiftError, match=f"{key} must be a finite number, not {value}"):
        registry.make_baseline(name, [f"{key}={value}"])


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("a/b", [], "a card takes names of letters, digits and ._+=,@-"),
        ("fine", ["rate=nan"], "hyper-parameter 'rate' is nan: a card holds finite numbers"),
        ("fine", [f"fault={'x' * 2001}"], "hyper-parameter 'fault' has 2,001 characters: a card holds 2,000"),
    ],
)
def test_what_a_card_cannot_hold_is_told_before_anything_is_fitted(monkeypatch, tmp_path, name, settings, problem):
    monkeypatch.setitem(registry.TABLE.builtins, name, f"{__name__}:Faulty")
    who = f"baseline {name!r} of {registry.origin(name)}: "
    (told,) = check_baseline(name, settings)
    assert told.startswith(who + problem)
    job = Job(tiny(), None, None, name, registry.make_baseline(name, settings), 0, tmp_path)
    with pytest.raises(MedshiftError) as raised:
        job.claim()
    assert str(raised.value) == told


def test_a_name_that_medshift_has_is_not_checked_in_its_place(monkeypatch):
    point = EntryPoint("scratch", f"{__name__}:Faulty", "medshift.baselines")
    table = Table("medshift.baselines", "baseline", registry.TABLE.builtins)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])
    monkeypatch.setattr(registry, "TABLE", table)
    assert check_baseline("scratch") == [table.clashes["scratch"]]
    assert "medshift itself" in table.clashes["scratch"]
