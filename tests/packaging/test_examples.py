"""The examples run as they stand, from any folder, and each makes a picture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import factories
from PIL import Image

from medshift.leaderboard import build_leaderboard

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


TRAINING = {"hospital_folder", "robustness_of_a_timm_model"}


@pytest.fixture
def site(tmp_path):
    """The page of a small board."""
    root = tmp_path / "submissions"
    place, protocol, rows = factories.contest(root, factories.table(), shifts={"gamma": "contrast"})
    for number, name in enumerate(("one", "two")):
        factories.submission(place, protocol, rows, name, 0, skill=1 + number)
    build_leaderboard(root, tmp_path / "site")
    return tmp_path / "site"


@pytest.mark.parametrize(
    "script",
    [pytest.param(path, marks=[pytest.mark.slow] if path.stem in TRAINING else []) for path in SCRIPTS],
    ids=lambda path: path.stem,
)
def test_an_example_runs_and_makes_a_picture(script, tmp_path, home, site):
    env = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, script, "out", site], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    pictures = list((tmp_path / "out").glob("*.png"))
    assert pictures
    with Image.open(pictures[0]) as picture:
        assert len(picture.convert("L").getcolors() or range(9)) > 8


def test_the_page_lists_every_example():
    text = (EXAMPLES / "README.md").read_text()
    assert [script.name for script in SCRIPTS if f"]({script.name})" not in text] == []
