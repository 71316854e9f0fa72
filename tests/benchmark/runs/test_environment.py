"""The code that a card names is the one that ran, whatever becomes of the checkout meanwhile."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from helpers.apart.jobs import job
from helpers.images.image_folders import folder

from medshift.benchmark.runs import environment, run
from medshift.benchmark.submissions import card


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with the folders that decide results; git runs in it."""
    top = tmp_path / "checkout"
    for name in (*environment.CODE, "docs"):
        (top / name).mkdir(parents=True)
        (top / name / "a.py").write_text("value = 1\n")

    def git(*words):
        who = ["-c", "user.name=nobody", "-c", "user.email=nobody@nowhere"]
        done = subprocess.run(["git", "-C", str(top), *who, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    monkeypatch.setattr(environment, "TOP", top)
    environment.running_code.cache_clear()
    yield top, git
    environment.running_code.cache_clear()


@pytest.mark.parametrize(
    ("changed", "committed", "dirty"),
    [
        (None, False, False),
        ("docs/a.py", True, False),  # the code is that of the first commit
        ("docs/a.py", False, True),
        ("shifts/a.py", True, True),
        ("benchmark/a.py", False, True),
        ("baselines/new.py", False, True),
    ],
)
def test_the_commit_is_that_of_the_start_and_a_change_during_a_run_is_told(
    checkout, tmp_path: Path, home, changed, committed, dirty
):
    top, git = checkout
    first = git("rev-parse", "HEAD")

    def track(conditions, number):
        if changed:
            (top / changed).write_text("value = 2\n")
        if committed:
            git("add", ".")
            git("commit", "-qm", "second")
        yield from conditions

    task = job(folder(tmp_path / "set"), tmp_path / "out", "scratch", ["steps=1", "arch=test_resnet"], way="in-process")
    run.run(task, torch.device("cpu"), run.RunProgress(track=track))
    made = card.read(task.folder).code
    assert (made.commit, made.dirty) == (first, dirty)


def test_an_installed_medshift_names_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "TOP", tmp_path)
    environment.running_code.cache_clear()
    found = environment.running_code()
    environment.running_code.cache_clear()
    assert (found.commit, found.was_dirty) == (None, None)


def test_networks_of_volumes_name_the_package_that_they_are_of(monkeypatch):
    monkeypatch.setattr(environment, "find_spec", lambda name: name)
    monkeypatch.setattr(environment, "version", lambda name: "1")
    assert set(environment.packages(3)) - set(environment.packages()) == {"monai"}
    assert environment.packages(2) == environment.packages()
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    assert "monai" not in environment.packages(3)
