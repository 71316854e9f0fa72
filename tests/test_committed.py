"""The committed leaderboard: every submission in order, and the README's table what its command prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medshift.benchmark import baselines, datasets, planning, submission

ROOT = Path(__file__).parent.parent
SUBMISSIONS = ROOT / "leaderboard" / "submissions"
FOLDERS = sorted(path.parent for path in SUBMISSIONS.rglob("card.json"))


@pytest.mark.parametrize("name", sorted(baselines.BUILTINS))
def test_every_baseline_is_on_the_board_with_three_seeds(name):
    assert len(list((SUBMISSIONS / "brain-mri-sim" / name).glob("seed-*/card.json"))) >= 3


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_submission_is_in_order(folder):
    terms, table = planning.settled(folder.parent.parent)
    assert submission.problems(folder, terms, table) == []


def test_the_readme_shows_what_its_command_makes(tmp_path):
    shutil.copy(ROOT / "README.md", tmp_path / "README.md")
    words = ["leaderboard", SUBMISSIONS, "--out", tmp_path / "site", "--readme", tmp_path / "README.md"]
    subprocess.run([sys.executable, "-m", "medshift.benchmark.cli", *map(str, words)], check=True, capture_output=True)
    assert (tmp_path / "README.md").read_text() == (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_board_has_the_same_bytes_with_the_least_instructions_of_an_x86_processor(tmp_path, instruction_sets):
    sites = []
    for name, threads in (("all", "2"), ("least", "1")):
        where = {"MEDSHIFT_HOME": str(tmp_path / name), "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        words = ["leaderboard", str(SUBMISSIONS), "--out", str(tmp_path / name / "site")]
        settings = os.environ | where | instruction_sets[name]
        command = [sys.executable, "-m", "medshift.benchmark.cli", *words]
        subprocess.run(command, env=settings, check=True, capture_output=True)
        sites.append({path.name: path.read_bytes() for path in (tmp_path / name / "site").iterdir()})
    assert sites[0] == sites[1]


@pytest.mark.slow
def test_the_committed_protocol_is_the_one_that_a_run_makes_but_for_the_version_of_the_data():
    dataset = datasets.load("brain-mri-sim")
    terms, _ = planning.plan(dataset, planning.Choices(), datasets.SOURCES["brain-mri-sim"])
    committed, _ = planning.settled(SUBMISSIONS / "brain-mri-sim")
    assert (terms.dataset.version, committed.dataset.version) == ("2", "1")
    facts = terms.dataset.model_copy(update={"version": "1"})
    assert terms.model_copy(update={"dataset": facts}).sha256 == committed.sha256
