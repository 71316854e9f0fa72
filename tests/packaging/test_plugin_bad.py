"""Plug-ins that are really installed: a bad one is told so in one line, and spoils nothing but itself."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark import evaluate
from medshift.benchmark.cli.main import app
from medshift.benchmark.datasets import catalogue as datasets
from medshift.benchmark.datasets import registry
from medshift.shifts import catalogue, checks
from medshift.shifts.apply import apply_shift
from medshift.shifts.checks import check_memory, check_shift
from medshift.shifts.errors import MedshiftError
from medshift.shifts.numerics.phantom import phantom
from medshift.shifts.plugins import Table

PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Returns a folder into which both packages are installed."""
    where = tmp_path_factory.mktemp("plugins")
    copies = [shutil.copytree(PLUGINS / name, where / name) for name in ("bad", "rival")]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", where / "site", *copies], check=True)
    return where / "site"


@pytest.fixture
def installed(site, monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(catalogue, "TABLE", Table("medshift.shifts", "shift", catalogue.TABLE.builtins, plain=True))
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bad-raises", "raised RuntimeError: no licence"),
        ("bad-nan", "returned NaN or infinite values"),
        ("bad-shape", "returned shape (2, 1, 48, 47) for images of shape (2, 1, 48, 48)"),
        ("bad-mutates", "changed the images it was given"),
        ("bad-global", "used the global random state of torch"),
        ("bad-batch", "a sample's pixels depend on the batch size"),
        ("bad-slow", "s per image; the limit is"),
        ("bad-import", "'bad-import' of bad-shifts 0.3 cannot be loaded: ModuleNotFoundError: No module named"),
        ("bad-crash", "'bad-crash' of bad-shifts 0.3 cannot be loaded: RuntimeError: wrong phase of the moon."),
        ("bad-attribute", "cannot be loaded: AttributeError: module 'bad_shifts' has no attribute 'misspelt'"),
        ("bad-number", "shift 'bad-number' of bad-shifts 0.3 is not a function: int"),
        ("Bad_Name", "shift 'Bad_Name' of bad-shifts 0.3: its name must be of lower-case letters, digits and hyphens"),
        ("bad-twin", "two shifts are named 'bad-twin': one from "),
    ],
)
def test_each_is_told_what_is_wrong(name, message, monkeypatch):
    monkeypatch.setattr(checks, "SLOWEST_S", 0.04)
    problems = check_shift(name)
    assert any(message in problem for problem in problems), problems
    assert not any("\n" in problem for problem in problems)
    result = CliRunner().invoke(app, ["check", "shift", name])
    assert result.exit_code == 1
    assert message.split(":")[0] in result.output.replace("\n", " ")


@pytest.mark.usefixtures("installed")
def test_what_remembers_its_first_images_is_found_in_another_process():
    assert check_shift("bad-memory") == []
    result = CliRunner().invoke(app, ["check", "shift", "bad-memory"])
    assert result.exit_code == 1
    assert "in a new process that saw other images first, it made other pixels: keep nothing" in result.output
    assert check_memory("good-dimmer") == []


@pytest.mark.usefixtures("installed")
def test_a_clash_names_both_and_the_built_in_keeps_its_name():
    line = catalogue.TABLE.clashes["bad-twin"]
    assert "bad-shifts 0.3" in line
    assert "rival-shifts 2.0" in line
    assert "medshift itself, one from rival-shifts 2.0" in catalogue.TABLE.clashes["gamma"]
    assert check_shift("gamma") == [catalogue.TABLE.clashes["gamma"]]
    assert apply_shift("gamma", phantom(1, 1, (8, 8)), 1, ["a"], 0).amax() > 0.5


@pytest.mark.usefixtures("installed")
def test_they_spoil_nothing_but_themselves():
    images, ids = phantom(2, 1, (16, 16)), ["a", "b"]
    assert torch.equal(apply_shift("good-dimmer", images, 2, ids, 0), images * (1 - 0.1 * 2))
    assert check_shift("good-dimmer") == []
    dimmer = catalogue.load_shift("good-dimmer")
    assert (catalogue.shift_info(dimmer).name, catalogue.origin(dimmer)) == ("good-dimmer", "bad-shifts 0.3")
    assert catalogue.shifts_for_modality("mr")
    assert {"bad-import", "good-dimmer", "gamma"} <= set(catalogue.list_shifts())
    listed = CliRunner().invoke(app, ["list", "shifts"])
    assert listed.exit_code == 0
    assert "good-dimmer" in listed.output
    assert "two shifts are named 'gamma'" in listed.output.replace("\n", " ")
    with pytest.raises(MedshiftError, match=r"shift 'bad-nan' of bad-shifts 0\.3, severity 1, returned NaN"):
        apply_shift("bad-nan", images, 1, ids, 0)


@pytest.mark.usefixtures("installed")
def test_lists_say_which_cannot_be_loaded_and_go_on(monkeypatch):
    monkeypatch.setattr(datasets, "TABLE", Table("medshift.datasets", "data set", datasets.BUILTINS))
    monkeypatch.setattr(registry, "TABLE", datasets.TABLE)
    shifts, sets = (CliRunner().invoke(app, ["list", what, "--json"]) for what in ("shifts", "datasets"))
    told = {each["name"]: each["problem"] for each in [*json.loads(shifts.stdout), *json.loads(sets.stdout)]}
    assert "'bad-import' of bad-shifts 0.3 cannot be loaded: ModuleNotFoundError" in told["bad-import"]
    assert "cannot be loaded: its module ends the process (status 3)" in told["bad-exits"]
    assert "data set 'bad-scans' of bad-shifts 0.3 cannot be loaded: ModuleNotFoundError" in told["bad-scans"]
    assert "is not a function: int" in told["bad-number"]
    assert {told[name] for name in ("good-dimmer", "good-scans", "psf-blur", "bad-nan", "brain-mri-sim")} == {""}
    table = CliRunner().invoke(app, ["list", "datasets"]).output.replace("\n", " ")
    assert "data set 'bad-scans' of bad-shifts 0.3 cannot be loaded" in table
    assert "from bad-shifts 0.3" in table


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "does"),
    [
        ("bad-mutates", "changed the images it was given: work on a copy"),
        ("bad-global", "used the global random state of torch: draw from `rng` instead"),
        ("bad-batch", "a sample's pixels depend on the batch size (severity 3, batches of 1)"),
    ],
)
def test_a_run_refuses_a_shift_that_breaks_the_contract_before_it_begins(name, does, tmp_path):
    images = folder(tmp_path / "set", {"site-a": 60, "site-b": 24})
    calls = []

    def model(batch):
        calls.append(len(batch))
        return torch.full((len(batch), 2), 0.5)

    given = {"data": images, "severities": (1, 3), "threads": 1, "out": tmp_path / "out", "name": "even"}
    torch.manual_seed(7)
    states = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002  # that it is left alone
    with pytest.raises(MedshiftError) as refused:
        evaluate(model, shifts=[name], **given)
    assert str(refused.value) == (
        f"shift {name!r} of bad-shifts 0.3 breaks the contract of shifts: {does}. "
        f"`medshift check shift {name}` checks all of it"
    )
    terms = ["protocol", "make", "shared", "--data", str(images), "--shifts", name, "--severities", "1,3"]
    shared = CliRunner().invoke(app, [*terms, "--out", str(tmp_path / "protocols")])
    assert str(shared.exception) == str(refused.value)
    assert not (tmp_path / "protocols").exists()
    assert calls == []
    assert not list(tmp_path.rglob("card.json"))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert str(np.random.get_state()) == states[1]  # noqa: NPY002
    assert evaluate(model, shifts=["good-dimmer", "gamma"], **given).conditions
