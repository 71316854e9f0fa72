"""The committed leaderboard: every submission is valid, and the README's table is what its command prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cli import medshift

from medshift.benchmark.contract import registry
from medshift.benchmark.datasets import catalogue
from medshift.benchmark.datasets.registry import load_dataset
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.submissions import card, submission
from medshift.leaderboard.entries.audit_file import AUDIT_FILE, board_audit
from medshift.leaderboard.entries.entries import protocol_folder

ROOT = Path(__file__).parents[2]
SUBMISSIONS = ROOT / "leaderboard" / "submissions"
FOLDERS = sorted(path.parent for path in SUBMISSIONS.rglob("card.json"))


@pytest.mark.parametrize("entry", sorted({folder.parent for folder in FOLDERS}), ids=lambda path: path.name)
def test_every_entry_on_the_board_is_of_a_baseline_from_a_clean_commit_with_its_course(entry):
    assert entry.name.partition("+")[0] in registry.BUILTINS
    for folder in entry.glob("seed-*"):
        made = card.read(folder)
        assert made.code.commit
        assert made.code.dirty is False
        assert made.training is None or (folder / "curve.json").is_file()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_submission_is_in_order(folder):
    protocol, truth = read_protocol(folder.parent.parent)
    assert submission.check_submission(folder, protocol, truth) == []


@pytest.mark.parametrize("path", sorted(SUBMISSIONS.glob("*/protocol.json")), ids=lambda path: path.parent.name)
def test_an_audit_beside_a_board_fits_it_and_names_no_image(path):
    found = board_audit(protocol_folder(path.parent))
    assert (found is not None) == (path.parent / AUDIT_FILE).exists()


def test_the_readme_shows_what_its_command_makes(tmp_path):
    shutil.copy(ROOT / "README.md", tmp_path / "README.md")
    (tmp_path / "leaderboard").mkdir()
    below = tmp_path / SUBMISSIONS.relative_to(ROOT)  # the README links to them
    below.symlink_to(SUBMISSIONS)
    words = ["leaderboard", below, "--out", tmp_path / "site", "--readme", tmp_path / "README.md"]
    done = medshift(*words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "README.md").read_text() == (ROOT / "README.md").read_text()
    assert (tmp_path / "site" / "board.svg").read_text() == (ROOT / "docs" / "assets" / "board.svg").read_text()


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
def test_the_committed_protocol_is_the_one_that_a_run_makes():
    dataset = load_dataset("brain-mri-sim")
    protocol, _ = plan.plan(dataset, plan.Choices(), catalogue.SOURCES["brain-mri-sim"])
    committed, _ = read_protocol(SUBMISSIONS / "brain-mri-sim")
    assert protocol.sha256 == committed.sha256
