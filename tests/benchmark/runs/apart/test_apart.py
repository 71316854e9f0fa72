"""A method in a process of its own: the same bytes, and no way to the labels."""

from __future__ import annotations

import copy
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark.contract import access, grants, registry
from medshift.benchmark.contract.apart import confine
from medshift.benchmark.contract.apart.method import MethodApart, Terms
from medshift.benchmark.contract.apart.way import MethodFailed
from medshift.benchmark.contract.predictor import Unfit
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.runs import run
from medshift.benchmark.runs.tuning import Budget
from medshift.benchmark.submissions import card
from medshift.shifts.errors import MedshiftError

QUICK = ["steps=6", "batch_size=8"]
CPU = torch.device("cpu")
LINUX = pytest.mark.skipif(not confine.can_hide(), reason="this system hides no folders from a process")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "secret-set")


@pytest.fixture
def method(tmp_path, monkeypatch):
    """The folder that a user is in, with the module `attacks` in it."""
    here = tmp_path / "here"
    here.mkdir()
    text = (Path(__file__).parent / "attacks.py").read_text()
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(here)
    yield lambda where="": (here / "attacks.py").write_text(text.replace("WHERE", str(where)))
    sys.modules.pop("attacks", None)


def job(data, out, name, settings=(), **more):
    dataset = manifest.read_manifest(data)
    terms, table = plan.plan(dataset, Choices(shifts=("gamma",), severities=(3,)))
    write_protocol(terms, table, out / terms.name)
    more = {"way": "apart", "hidden": (data,), **more}
    return run.Job(dataset, terms, table, name, registry.make_baseline(name, settings), 0, out, **more)


def granted(data):
    dataset = manifest.read_manifest(data)
    _, table = plan.plan(dataset, Choices(shifts=("gamma",), severities=(3,)))
    return access.grant(dataset, table, "site-a", (), "source", 0, CPU, "x", lambda line: None)


def made(job, device=CPU):
    lines = []
    run.run(job, device, run.RunProgress(line=lines.append))
    return pd.read_parquet(job.folder / "predictions.parquet"), lines


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


def test_a_class_of_the_users_is_found_and_what_it_prints_and_tells_is_seen(data, tmp_path, home, method, capfd):
    method()
    apart, here = (job(data, tmp_path / way, "attacks:Honest", way=way) for way in ("apart", "in-process"))
    _, lines = made(apart)
    assert "told by the method" in lines
    assert "printed by the method" in capfd.readouterr().err
    made(here)
    assert (apart.folder / "predictions.parquet").read_bytes() == (here.folder / "predictions.parquet").read_bytes()


def test_one_that_walks_the_stack_and_patches_what_writes_has_neither_labels_nor_writer(data, tmp_path, home, method):
    method()
    rows, _ = made(job(data, tmp_path / "apart", "attacks:Patcher"))
    assert (rows["p0"] == 0.5).all()
    rows, _ = made(job(data, tmp_path / "in-process", "attacks:Walker", way="in-process"))
    assert set(rows["p0"]) == {0.25, 0.75}  # the attack works where the labels are


def test_one_that_learns_over_all_conditions_and_repeats_itself_is_stopped(data, tmp_path, home, method):
    method()
    with pytest.raises(MedshiftError, match="state of one condition reaches another"):
        made(job(data, tmp_path / "apart", "attacks:Memoiser"))
    assert not list(tmp_path.rglob("*.npy"))
    made(job(data, tmp_path / "in-process", "attacks:Memoiser", way="in-process"))  # as it was, unnoticed


def test_where_every_condition_has_a_process_none_knows_of_another(data, home, method):
    method()
    images = torch.rand(4, 1, 32, 32)
    with ExitStack() as held:
        apart = MethodApart(Terms("attacks:Memoiser", 1, (), each=True), held)
        predictor = apart.fit(registry.make_baseline("attacks:Memoiser", []), granted(data))
        predictor.keep()
        for _ in range(2):
            images = images * 0.9
            assert float(copy.deepcopy(predictor)(images)[0, 0]) == pytest.approx(1 / 3)


@LINUX
def test_one_that_looks_for_files_is_told_no_path_and_reads_neither_data_nor_truth_nor_memory(
    data, tmp_path, home, method, monkeypatch
):
    monkeypatch.setattr(grants, "IN_MEMORY", 0)
    monkeypatch.setenv("MY_DATA", str(data))
    method(tmp_path)
    (tmp_path / "here" / "beside.json").write_text("{}")
    attack = job(data, tmp_path / "secret-out", "attacks:Reader")
    shutil.copytree(data, tmp_path / "home" / "data" / "stored")
    _, lines = made(attack)
    (told,) = (line for line in lines if line.startswith("found: "))
    assert told == "found: ['reads beside.json 2']"  # what lies beside the class, and nothing else


def test_one_that_writes_into_the_pipe_ends_the_run_in_one_line(data, tmp_path, home, method):
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112
        pytest.skip("open files are not listed on this system")
    method()
    with pytest.raises(MedshiftError, match="the method's process sent a message without a head"):
        made(job(data, tmp_path, "attacks:Forger"))


def test_what_a_method_fails_of_is_said_as_in_one_process(data, home, method):
    method()
    access = granted(data)
    with ExitStack() as held:
        apart = MethodApart(Terms("attacks:Fails", 1), held)

        def fit(how):
            return apart.fit(registry.make_baseline("attacks:Fails", [f"how={how}"]), access)

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
            fit("is killed")  # in a process that was started anew


def test_hidden_folders_are_dropped_from_the_variables_and_links(tmp_path, monkeypatch, home):
    from medshift.benchmark.contract.apart.place import Place

    here, hidden = tmp_path / "here", tmp_path / "here" / "set"
    hidden.mkdir(parents=True)
    (here / "weights.pt").write_bytes(b"w")
    monkeypatch.chdir(here)
    monkeypatch.setenv("WHERE", f"--data={hidden}")
    monkeypatch.setenv("PYTHONPATH", "mine")
    place = Place([hidden], here=True)
    variables = place.environment()
    assert not [value for value in variables.values() if str(hidden) in value]
    assert variables["PYTHONPATH"] == str(here / "mine")
    assert [path.name for path in place.cwd.iterdir()] == ["weights.pt"]
    assert (place.cwd / "weights.pt").read_bytes() == b"w"
    place.remove()
    assert not place.folder.exists()
    assert np.all([key in os.environ for key in ("WHERE", "PYTHONPATH")])
