"""Runs that are killed at any moment, and two at once: the same bytes as one process undisturbed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from helpers.images.image_folders import folder

KILLS = 20
#: `medshift`, with the state of a training kept at every evaluation, not every ten seconds
SOON = """
import sys
from medshift.baselines.common import training_state
training_state.REST = (0.0, 0.0)
sys.argv[0] = "medshift"
from medshift.benchmark.cli.__main__ import main
main()
"""
SHIFTS = "gamma,gaussian-noise,psf-blur,rician-noise,bias-field,exposure"
WORDS = ["--baseline", "cbr-tiny", "--set", "steps=300", "--set", "patience=1", "--set", "batch_size=8"]
WORDS += ["--shifts", SHIFTS, "--threads", "1", "--device", "cpu"]


def started(where, out, home):
    return subprocess.Popen(
        [sys.executable, "-c", SOON, "run", "--data", str(where), "--out", str(out), *WORDS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MEDSHIFT_HOME": str(home)},
        start_new_session=True,
    )


def ended(process):
    said = process.stderr.read()
    assert process.wait() == 0, said
    return said


def predictions(out):
    (path,) = out.rglob("predictions.parquet")
    return path.read_bytes()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, images):
    """The predictions of a run that nothing disturbs."""
    place = tmp_path_factory.mktemp("whole")
    ended(started(images, place / "out", place / "home"))
    return predictions(place / "out")


def until(process, word):
    """Read what a process says up to a line; return whether it came before the end."""
    return any(word in line for line in process.stderr)


def written(place):
    """What a run has kept: evaluations, then the weights, then conditions."""
    found = set()
    for path in place.rglob("*"):
        if path.suffix in (".state", ".pt", ".npy"):
            with suppress(FileNotFoundError):
                found.add((path.name, path.stat().st_mtime_ns))
    return found


def killed_after(process, place, number, delay):
    """Kill a process a moment after it has kept something for the n-th time; return False if it ends before."""
    before = written(place)
    seen = set()
    while len(seen) < number:
        if process.poll() is not None:
            return False
        seen |= written(place) - before
        time.sleep(0.002)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


@pytest.mark.slow
def test_killed_twenty_times_in_training_and_prediction_and_resumed_ends_in_the_same_bytes(whole, images, tmp_path):
    moments, hit, round_, begin = random.Random(16), {"training": 0, "prediction": 0}, 0, time.monotonic()
    while sum(hit.values()) < KILLS:
        place = tmp_path / str(round_)
        while sum(hit.values()) < KILLS:
            process = started(images, place / "out", place / "home")
            if not killed_after(process, place, moments.randint(1, 5), moments.uniform(0, 0.1)):
                break
            hit["prediction" if list(place.rglob("*.pt")) else "training"] += 1
        said = ended(started(images, place / "out", place / "home"))
        assert predictions(place / "out") == whole, said
        assert [path.suffix for path in (place / "home" / "models").iterdir()] == [".pt"]
        assert not [path for path in (place / "out").rglob("*") if path.suffix in (".part", ".lock", ".npy")]
        shutil.rmtree(place)
        round_ += 1
    print(f"\nkilled {hit} in {round_} runs, {time.monotonic() - begin:.0f} s")
    assert min(hit.values()) >= KILLS // 5


@pytest.mark.slow
def test_two_processes_on_one_entry_do_its_work_once(whole, images, tmp_path):
    first = started(images, tmp_path / "out", tmp_path / "home")
    assert until(first, "fitting on")
    second = started(images, tmp_path / "out", tmp_path / "home")
    assert until(second, f"being run by process {first.pid} on ")
    ended(first)
    assert "complete, nothing to do" in ended(second)
    assert predictions(tmp_path / "out") == whole


@pytest.mark.slow
def test_two_entries_that_share_a_source_model_train_it_once(images, tmp_path):
    """The second waits for the first; when that is killed, it takes over and resumes its training."""
    home = tmp_path / "home"
    first = started(images, tmp_path / "one", home)
    assert until(first, "step 64/300")
    os.killpg(first.pid, signal.SIGSTOP)  # so that it is not done before the other has started
    second = started(images, tmp_path / "other", home)
    assert until(second, f"is being trained by process {first.pid} on ")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert "training resumes at step " in ended(second)
    expected = predictions(tmp_path / "other")
    assert "loaded from cache" in ended(started(images, tmp_path / "one", home))
    assert predictions(tmp_path / "one") == expected
