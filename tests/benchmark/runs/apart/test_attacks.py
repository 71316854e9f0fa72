"""Methods that cheat: in a process of their own they find no label, no file with one, and no other condition."""

from __future__ import annotations

import copy
import os
import shutil
from contextlib import ExitStack

import pytest
import torch
from helpers.apart.jobs import granted, job, made, put_attacks

from medshift.benchmark.contract import grants, registry
from medshift.benchmark.contract.apart import confine
from medshift.benchmark.contract.apart.method import MethodApart, Terms
from medshift.shifts.errors import MedshiftError

LINUX = pytest.mark.skipif(not confine.can_hide(), reason="this system hides no folders from a process")


def test_one_that_walks_the_stack_and_patches_what_writes_has_neither_labels_nor_writer(data, tmp_path, home, here):
    rows, _ = made(job(data, tmp_path / "apart", "attacks:Patcher"))
    assert (rows["p0"] == 0.5).all()
    rows, _ = made(job(data, tmp_path / "in-process", "attacks:Walker", way="in-process"))
    assert set(rows["p0"]) == {0.25, 0.75}  # the attack works where the labels are


def test_one_that_learns_over_all_conditions_and_repeats_itself_is_stopped(data, tmp_path, home, here):
    with pytest.raises(MedshiftError, match="state of one condition reaches another"):
        made(job(data, tmp_path / "apart", "attacks:Memoiser"))
    assert not list(tmp_path.rglob("*.npy"))
    made(job(data, tmp_path / "in-process", "attacks:Memoiser", way="in-process"))  # as it was, unnoticed


def test_where_every_condition_has_a_process_none_knows_of_another(data, home, here):
    images = torch.rand(4, 1, 32, 32)
    with ExitStack() as held:
        apart = MethodApart(Terms("attacks:Memoiser", 1, (), each=True), held)
        predictor = apart.fit(registry.make_baseline("attacks:Memoiser", []), granted(data))
        predictor.keep()
        for _ in range(2):
            images = images * 0.9
            assert float(copy.deepcopy(predictor)(images)[0, 0]) == pytest.approx(1 / 3)


@LINUX
@pytest.mark.parametrize("below_code", [False, True])
def test_one_that_looks_for_files_is_told_no_path_and_reads_neither_data_nor_truth_nor_memory(
    data, tmp_path, home, here, monkeypatch, below_code
):
    if below_code:  # as below the folder of a project that is installed to be edited
        monkeypatch.syspath_prepend(data.parent)
        monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(grants, "IN_MEMORY", 0)
    monkeypatch.setenv("MY_DATA", str(data))
    shutil.copytree(data, home / "data" / "stored")
    attack = job(data, tmp_path / "secret-out", "attacks:Reader")
    images = [path for path in data.rglob("*") if path.is_file()]
    kept = [*home.rglob("*"), *(tmp_path / "secret-out").rglob("*.parquet"), *images]
    assert len(kept) > 100
    put_attacks(here, [str(path) for path in kept if path.is_file()])
    (here / "beside.json").write_text("{}")
    _, lines = made(attack)
    (told,) = (line for line in lines if line.startswith("found: "))
    assert told == "found: ['reads beside.json 2']"  # what lies beside the class, and nothing else


def test_one_that_writes_into_the_pipe_ends_the_run_in_one_line(data, tmp_path, home, here):
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112
        pytest.skip("open files are not listed on this system")
    with pytest.raises(MedshiftError, match="the method's process sent a message without a head"):
        made(job(data, tmp_path, "attacks:Forger"))
