"""A method in a process of its own: the same bytes, the same messages, and nothing left behind."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.apart.jobs import granted, job, made
from helpers.cli import MEDSHIFT, medshift

from medshift.benchmark.contract import grants, registry
from medshift.benchmark.contract.apart.described import describe, described
from medshift.benchmark.contract.apart.method import MethodApart, Terms
from medshift.benchmark.contract.apart.place import Place
from medshift.benchmark.contract.apart.way import MethodFailed
from medshift.benchmark.contract.predictor import Unfit
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.importing.rows.paths import linked_folders
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.runs.job import folders_of_data
from medshift.benchmark.runs.sweeps.planned import plan_runs
from medshift.benchmark.runs.sweeps.sweep import Method as SweptMethod
from medshift.benchmark.runs.sweeps.sweep import ProtocolChoice, Sweep
from medshift.benchmark.runs.terms import DataChoice
from medshift.benchmark.runs.tuning import Budget
from medshift.benchmark.submissions import card
from medshift.shifts.errors import MedshiftError

QUICK = ["steps=6", "batch_size=8"]


def test_the_bytes_are_those_of_one_process_and_so_are_search_and_course_of_training(data, tmp_path, home, monkeypatch):
    monkeypatch.setattr(grants, "IN_MEMORY", 0)  # copies in files, which the process gets opened
    budget = Budget(2, ("lr",))
    apart, here = (job(data, tmp_path / w, "cbr-tiny", QUICK, way=w, budget=budget) for w in ("apart", "in-process"))
    _, told = made(apart)
    assert list((home / "models").glob("*.pt"))  # where the next run finds the network
    shutil.rmtree(home / "models")
    _, said = made(here)
    assert [line for line in told if "copying" not in line] == [line for line in said if "copying" not in line]
    assert (apart.folder / "predictions.parquet").read_bytes() == (here.folder / "predictions.parquet").read_bytes()
    courses = [pd.read_json(each.folder / "curve.json").drop(columns="seconds") for each in (apart, here)]
    pd.testing.assert_frame_equal(*courses)
    one, other = (card.read(each.folder) for each in (apart, here))
    assert (one.process, other.process) == ("apart", "in-process")
    assert (one.scores, one.training, one.tuning) == (other.scores, other.training, other.tuning)


def test_a_class_of_the_users_is_found_and_what_it_prints_and_tells_is_seen(data, tmp_path, home, here, capfd):
    apart, here = (job(data, tmp_path / way, "attacks:Honest", way=way) for way in ("apart", "in-process"))
    _, lines = made(apart)
    assert "told by the method" in lines
    assert "printed by the method" in capfd.readouterr().err
    made(here)
    assert (apart.folder / "predictions.parquet").read_bytes() == (here.folder / "predictions.parquet").read_bytes()


def test_what_a_method_fails_of_is_said_as_in_one_process(data, home, here):
    access = granted(data)
    with ExitStack() as held:
        apart = MethodApart(Terms("attacks:Fails", 1), held)

        def fit(how):
            return apart.fit(registry.make_baseline("attacks:Fails", [f"how={how}"]), access)

        drawn = replace(describe("attacks:Fails", []), how="is refused")  # as a search does, which has no class to ask
        with pytest.raises(MedshiftError, match="the baseline refuses its settings: ValueError: how is refused"):
            apart.fit(drawn, access)
        with pytest.raises(MedshiftError, match=r"^out of memory \(asked for 8.0 GiB\)"):
            fit("lacks memory")
        with pytest.raises(MethodFailed, match='KeyError: "a key of the user\'s"') as error:
            fit("raises")
        assert 'attacks.py", line' in error.value.traceback
        made = copy.deepcopy(fit("returns a list"))(torch.zeros(2, 1, 32, 32))
        assert made == Unfit("a list, not a tensor")
        with pytest.raises(MedshiftError, match="an object that can be copied, not a function"):
            copy.deepcopy(fit("returns a function"))
        with pytest.raises(MedshiftError, match="has ended with status 3: a method must not exit"):
            fit("exits")
        with pytest.raises(MedshiftError, match="ended by SIGKILL, most likely because memory ran out"):
            fit("is killed")  # in a process that was started again


@dataclass(frozen=True)
class Counted:
    """Has a field that is not an argument."""

    sees: ClassVar[str] = "source"
    search: ClassVar[dict] = {}
    lr: float = 1.0
    version: int = field(default=3, init=False)


def test_what_stands_for_a_class_has_its_arguments_only():
    told = described(Counted, Counted(0.5))
    assert told.values == {"lr": 0.5}
    assert [name for name, *_ in told.fields] == ["lr"]


def test_hidden_folders_are_dropped_from_the_variables_and_links(tmp_path, monkeypatch, home):
    here, hidden = tmp_path / "here", tmp_path / "here" / "set"
    hidden.mkdir(parents=True)
    (here / "weights.pt").write_bytes(b"w")
    monkeypatch.chdir(here)
    monkeypatch.setenv("WHERE", f"--data={hidden}")
    monkeypatch.setenv("PYTHONPATH", "mine")
    place = Place([hidden], here=True)
    monkeypatch.setenv("SOME_API_KEY", "s3cret")
    monkeypatch.setenv("HF_TOKEN", "for the user's own networks")
    variables = place.environment()
    assert "s3cret" not in variables.values()
    assert variables["HF_TOKEN"] == "for the user's own networks"
    assert not [value for value in variables.values() if str(hidden) in value]
    assert variables["PYTHONPATH"] == str(here / "mine")
    assert [path.name for path in place.cwd.iterdir()] == ["weights.pt"]
    assert (place.cwd / "weights.pt").read_bytes() == b"w"
    place.remove()
    assert not place.folder.exists()
    assert np.all([key in os.environ for key in ("WHERE", "PYTHONPATH")])


def test_in_the_folder_of_the_data_a_class_finds_its_own_files_and_nothing_else(tmp_path, monkeypatch, home):
    (tmp_path / "mine").mkdir()
    for name, text in (
        ("mine/__init__.py", "import beside"),
        ("beside.py", ""),
        ("manifest.csv", "labels"),
        ("a.png", ""),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path.parent))  # a cache above the data opens nothing
    place = Place([tmp_path], here=True, module="mine")
    assert tmp_path in place.hidden
    linked = {path.relative_to(place.cwd).as_posix() for path in place.cwd.rglob("*") if path.is_symlink()}
    assert linked == {"mine/__init__.py", "beside.py"}
    seen = (place.confined() or {"seen": []})["seen"]
    assert not {str(tmp_path), str(tmp_path.parent), str(tmp_path / "manifest.csv")} & set(seen)
    place.remove()


def test_what_links_in_the_data_lead_to_is_hidden_too(tmp_path):
    for name in ("set", "archive/one", "archive/two"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "archive/one/a.png").write_text("a")
    (tmp_path / "set/a.png").symlink_to(tmp_path / "archive/one/a.png")
    (tmp_path / "set/inner.png").symlink_to("a.png")
    assert linked_folders(tmp_path / "set") == [tmp_path / "archive/one"]
    (tmp_path / "set/more").symlink_to(tmp_path / "archive/two")
    assert linked_folders(tmp_path / "set") == [tmp_path / "archive"]


def test_a_sweep_imports_no_class_of_the_users(data, home, here):
    (here / "spy.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Spy:\n"
        '    """It looks."""\n\n    sees = "source"\n    paper = ""\n    rate: float = 1.0\n\n'
        "    def fit(self, access):\n        return None\n"
    )
    choice = ProtocolChoice(DataChoice(folder=data), Choices(shifts=("gamma",), severities=(3,)))
    runs = plan_runs(Sweep((SweptMethod("spy:Spy", {"rate": (1.0, 2.0)}),), (choice,)))
    assert [run.entry for run in runs] == ["spy.Spy", "spy.Spy+rate=2.0"]
    assert "spy" not in sys.modules
    with pytest.raises(MedshiftError, match="has no such hyper-parameter"):
        plan_runs(Sweep((SweptMethod("spy:Spy", {"rat": (1.0,)}),), (choice,)))


def started(data, place):
    """A run by the command line, whose training takes long."""
    words = ["run", "--data", str(data), "--out", str(place / "out"), "--baseline", "cbr-tiny", "--shifts", "gamma"]
    words += ["--set", "steps=200000", "--threads", "1", "--device", "cpu"]
    (place / "tmp").mkdir()
    variables = {**os.environ, "MEDSHIFT_HOME": str(place / "home"), "TMPDIR": str(place / "tmp")}
    variables.pop("MEDSHIFT_IN_PROCESS")
    process = subprocess.Popen(
        [*MEDSHIFT, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
        # a test run started in the background of a script hands down that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert any("fitting on" in line for line in process.stderr)
    while not list((place / "home").rglob("*.lock")):  # the method trains
        time.sleep(0.1)
    return process


def alive(place):
    """The processes that were told to use a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(place).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_a_signal_that_reaches_the_process_of_a_method_only_is_said_by_the_run(data, tmp_path):
    process = started(data, tmp_path)
    of_method = b"medshift.benchmark.cli.processes.method"
    (method,) = [each for each in alive(tmp_path) if of_method in Path(f"/proc/{each}/cmdline").read_bytes()]
    os.kill(int(method), signal.SIGTERM)
    said = process.stderr.read()
    why = "medshift: stopped by SIGTERM: training of seed 0 starts over with the same command\n"
    assert (process.wait(), said) == (143, why)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)], ids=["Ctrl-C", "kill"]
)
def test_a_run_that_is_stopped_or_killed_leaves_no_process_of_a_method(data, tmp_path, number):
    process = started(data, tmp_path)
    process.send_signal(number)
    said = process.stderr.read()
    status = process.wait()
    if number == signal.SIGINT:
        assert (status, said) == (130, "medshift: stopped: training of seed 0 starts over with the same command\n")
        assert not list((tmp_path / "tmp").glob("medshift-*"))
        assert not list((tmp_path / "home").rglob("*.lock"))
    until = time.monotonic() + 60
    while alive(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.2)


IMPORTED = """
import os
import sys
from dataclasses import dataclass
from typing import ClassVar

from medshift.benchmark import LogUniform
from medshift.benchmark.runs import parts
from medshift.benchmark.runs.verification import rerun

parts.FinishedConditions.save = None
if "medshift.benchmark.runs.run" in sys.modules or "rerun" in " ".join(sys.orig_argv):
    raise SystemExit("imported where the labels are")


@dataclass(frozen=True)
class Patches:
    "Patches what writes predictions when it is imported."

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    search: ClassVar[dict] = {"c": LogUniform(0.01, 100)}
    c: float = 1.0

    def fit(self, access):
        access.report(f"fitted with {self.c}")
        return Even()


class Even:
    def __call__(self, images):
        return images.new_full((len(images), 2), 0.5)
"""


def test_a_class_of_the_users_is_imported_in_processes_of_its_own_only(data, tmp_path, here, monkeypatch):
    (here / "patches.py").write_text(IMPORTED)
    words = ["run", "--data", str(data), "--baseline", "patches:Patches", "--set", "c=0.5", "--shifts", "gamma"]
    words += ["--severities", "3", "--threads", "1", "--device", "cpu"]
    monkeypatch.delenv("MEDSHIFT_IN_PROCESS")
    done = medshift(*words, MEDSHIFT_HOME=tmp_path / "home")
    assert "patches" not in sys.modules
    assert done.returncode == 0, done.stderr
    assert "fitted with 0.5" in done.stderr
    (folder_,) = (here / "submissions").glob("*/patches.Patches+c=0.5/seed-0")
    made = card.read(folder_)
    assert (made.process, made.baseline.summary) == ("apart", "Patches what writes predictions when it is imported.")


def test_the_folders_of_the_data_are_those_of_its_links_where_these_are_followed(tmp_path):
    for name in ("set", "archive"):
        (tmp_path / name).mkdir()
    (tmp_path / "archive/a.png").write_text("a")
    (tmp_path / "set/a.png").symlink_to(tmp_path / "archive/a.png")
    assert folders_of_data(None, Options()) == ()
    assert folders_of_data(tmp_path / "set", None) == (tmp_path / "set",)
    assert folders_of_data(tmp_path / "set", Options(follow_links=True)) == (tmp_path / "set", tmp_path / "archive")
