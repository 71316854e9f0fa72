"""The examples run as they stand, from any folder, and each makes a picture."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from helpers import factories
from matplotlib import pyplot
from PIL import Image

from medshift.leaderboard import build_leaderboard

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


TRAINING = {"hospital_folder", "robustness_of_a_timm_model"}
DRAWING = {"a_shift_of_your_own", "shift_your_tensors"}


def in_process(script, place, site):
    """Those that only change and draw images; a process of their own would import torch for three seconds."""
    matplotlib.use("Agg")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "argv", [str(script), "out", str(site)])
        runpy.run_path(str(script), run_name="__main__")
    pyplot.close("all")


def in_a_process(script, place, site):
    env = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, script, "out", site], cwd=place, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


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
    ("script", "run"),
    [
        pytest.param(path, in_a_process, marks=pytest.mark.slow, id=path.stem)
        if path.stem in TRAINING
        else pytest.param(path, in_process if path.stem in DRAWING else in_a_process, id=path.stem)
        for path in SCRIPTS
    ],
)
def test_an_example_runs_and_makes_a_picture(script, run, tmp_path, home, site):
    run(script, tmp_path, site)
    pictures = list((tmp_path / "out").glob("*.png"))
    assert pictures
    with Image.open(pictures[0]) as picture:
        assert len(picture.convert("L").getcolors() or range(9)) > 8


def test_the_page_lists_every_example():
    text = (EXAMPLES / "README.md").read_text()
    assert [script.name for script in SCRIPTS if f"]({script.name})" not in text] == []
