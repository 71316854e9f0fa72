"""What is predicted again: by a run that resumes, and in a process that knows of no condition."""

from __future__ import annotations

import sys
import tempfile

import pytest
from helpers.apart.jobs import CPU, job, made

from medshift.benchmark.runs import run
from medshift.benchmark.runs.predict import StateSurvives

METHODS = """
import random
from dataclasses import dataclass
from typing import ClassVar

import torch


class Constant:
    def __init__(self, one):
        self.one = one

    def __call__(self, images):
        one = torch.full((len(images),), self.one)
        return torch.stack([1 - one, one], 1)


class Remembers:
    running = [0.5]  # shared by all copies: what one condition leaves reaches the next

    def __call__(self, images):
        self.running[0] = 0.5 * self.running[0] + 0.5 * float(images.mean())
        one = (20 * (images.mean(dim=(1, 2, 3)) - self.running[0])).sigmoid()
        return torch.stack([1 - one, one], 1)


@dataclass(frozen=True)
class Luck:
    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"

    def fit(self, access):
        return Constant(random.Random().random())


class Stays(Constant):
    def __deepcopy__(self, memo):
        return Stays(self.one)

    def __setstate__(self, state):
        raise RuntimeError("cannot be loaded")


@dataclass(frozen=True)
class NotLoaded(Luck):
    def fit(self, access):
        return Stays(0.3)


@dataclass(frozen=True)
class Leaks:
    sees: ClassVar[str] = "test-batches"
    paper: ClassVar[str] = "none"

    def fit(self, access):
        return Remembers()
"""


@pytest.fixture
def methods(here):
    sys.modules.pop("odd", None)
    (here / "odd.py").write_text(METHODS)
    yield
    sys.modules.pop("odd", None)


def stopped(task, after):
    """Run a job and interrupt it after so many conditions."""

    def track(conditions, number):
        for count, condition in enumerate(conditions):
            if count == after:
                raise KeyboardInterrupt
            yield condition

    with pytest.raises(KeyboardInterrupt):
        run.run(task, CPU, run.RunProgress(track=track))


@pytest.mark.parametrize("way", ["in-process", "apart"])
def test_two_fits_are_not_mixed_in_one_submission(data, tmp_path, home, methods, way):
    task = job(data, tmp_path, "odd:Luck", way=way)
    stopped(task, 2)
    table, lines = made(task)
    assert table["p1"].nunique() == 1
    (line,) = [line for line in lines if "start over" in line]
    assert line.startswith("odd.Luck, seed 0: the model predicts 'site-")
    assert line.endswith("2 conditions start over")


@pytest.mark.parametrize("way", ["in-process", "apart"])
def test_state_that_survives_is_found_in_what_an_earlier_process_left(data, tmp_path, home, methods, way):
    task = job(data, tmp_path, "odd:Leaks", way=way)
    stopped(task, 4)
    sys.modules.pop("odd", None)  # as in the process of the same command later
    later = job(data, tmp_path, "odd:Leaks", way=way)
    with pytest.raises(StateSurvives):
        made(later)
    assert not (task.folder / "parts").exists()


def test_a_model_that_is_the_same_goes_on(data, tmp_path, home):
    whole = job(data, tmp_path / "whole", "cbr-tiny", ["steps=2", "batch_size=8"], way="in-process")
    made(whole)
    task = job(data, tmp_path / "parts", "cbr-tiny", ["steps=2", "batch_size=8"], way="in-process")
    stopped(task, 2)
    _, lines = made(task)
    assert not [line for line in lines if "start over" in line]
    assert (task.folder / "predictions.parquet").read_bytes() == (whole.folder / "predictions.parquet").read_bytes()


def test_no_copy_of_trained_networks_stays_of_a_predictor_that_cannot_be_loaded(
    data, tmp_path, home, methods, monkeypatch
):
    (home / "models").mkdir(parents=True)
    (home / "models" / "other.pt").write_bytes(b"weights")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    made(job(data, tmp_path / "out", "odd:NotLoaded", way="apart"))
    assert list((tmp_path / "tmp").iterdir()) == []
