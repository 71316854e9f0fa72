"""The main job as a user runs it: a process, real files, and interruptions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess

import pandas as pd
import pytest
from helpers.cli import MEDSHIFT, medshift
from helpers.images.image_folders import folder

from medshift.baselines.common.checkpoints import BestEvaluation
from medshift.benchmark.protocols import truth

SHIFTS = "gamma,gaussian-noise,psf-blur"
QUICK = ["--set", "arch=test_resnet", "--set", "steps=8", "--shifts", SHIFTS, "--severities", "1,5", "--threads", "1"]


def words(where, out):
    return ["run", "--data", str(where), "--out", str(out), *QUICK, "--baseline", "scratch"]


def command(where, out, *more):
    return [*MEDSHIFT, *words(where, out), *more]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, home, images):
    """Two seeds of a baseline, by one undisturbed process, and what it printed."""
    out = tmp_path_factory.mktemp("out")
    done = subprocess.run(
        command(images, out, "--seeds", "2"),
        capture_output=True,
        text=True,
        env={**os.environ, "MEDSHIFT_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def submission(out, entry, seed=0):
    (where,) = out.glob(f"set-from-site-a-*/{entry}/seed-{seed}")
    return where


def test_a_run_prints_a_table_and_leaves_a_whole_submission(finished):
    out, printed = finished
    for word in ("clean", "real site-b", "real site-c", "synth. noise", "shifted", "drop", "AUROC"):
        assert word in printed
    assert printed.count("]") > 3 * 10  # no interval is cut off at 80 columns
    where = submission(out, "scratch+arch=test_resnet+steps=8")
    assert str(where) in printed.replace("\n", "")
    assert {path.name for path in where.iterdir()} == {"card.json", "curve.json", "predictions.parquet"}
    card = json.loads((where / "card.json").read_text())
    assert card["baseline"]["config"]["arch"] == "test_resnet"
    assert card["environment"]["threads"] == 1
    assert set(card["shifts"]) == set(SHIFTS.split(","))
    rows = pd.read_parquet(where / "predictions.parquet")
    keys = {"site-a/val", "site-a", "site-b", "site-c"} | {f"site-a/{s}@{v}" for s in SHIFTS.split(",") for v in (1, 5)}
    assert set(rows["condition"]) == keys
    done = medshift("check", "submission", where)
    assert done.returncode == 0, done.stdout + done.stderr


def test_targets_adapt_split_and_source_training_images_are_never_predicted(finished):
    out, _ = finished
    where = submission(out, "scratch+arch=test_resnet+steps=8")
    rows = pd.read_parquet(where / "predictions.parquet")
    table = truth.read(where.parent.parent / "truth.parquet").set_index("sample_id")
    assert set(table.loc[rows["sample_id"].unique(), "split"]) == {"val", "test"}


def test_same_seed_same_bytes_and_another_seed_others(finished, tmp_path, images):
    out, _ = finished
    first = submission(out, "scratch+arch=test_resnet+steps=8") / "predictions.parquet"
    other = submission(out, "scratch+arch=test_resnet+steps=8", seed=1) / "predictions.parquet"
    again = medshift(*words(images, tmp_path / "again"), MEDSHIFT_HOME=tmp_path / "home")
    assert again.returncode == 0, again.stderr
    same = submission(tmp_path / "again", "scratch+arch=test_resnet+steps=8") / "predictions.parquet"
    assert same.read_bytes() == first.read_bytes()
    assert other.read_bytes() != first.read_bytes()


def test_a_finished_run_does_nothing_again(finished, images, home):
    out, _ = finished
    where = submission(out, "scratch+arch=test_resnet+steps=8")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in where.iterdir()}
    done = medshift(*words(images, out), MEDSHIFT_HOME=home)
    assert done.returncode == 0
    assert "complete, nothing to do" in done.stderr
    assert "clean" in done.stdout
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in where.iterdir()}


def test_a_card_edited_by_hand_is_refused(finished, tmp_path, images, home):
    out, _ = finished
    copied = tmp_path / "out"
    shutil.copytree(out, copied)
    where = submission(copied, "scratch+arch=test_resnet+steps=8")
    card = json.loads((where / "card.json").read_text())
    card["scores"][3]["value"] = 0.999
    (where / "card.json").write_text(json.dumps(card))
    checked = medshift("check", "submission", where)
    assert checked.returncode == 1
    assert "0.999" in checked.stdout
    for said in (words(images, copied), ["leaderboard", str(copied)]):
        done = medshift(*said, cwd=tmp_path, MEDSHIFT_HOME=home)
        assert done.returncode == 1
        assert done.stderr.count("medshift: ") == 1
        assert "Traceback" not in done.stderr


def test_killed_while_it_trains_and_while_it_predicts_and_resumed_ends_in_the_same_bytes(finished, tmp_path, images):
    out, _ = finished
    first = submission(out, "scratch+arch=test_resnet+steps=8") / "predictions.parquet"
    for last in ("step 3/8", "step 8/8"):  # at twenty random moments in `test_killed`, which is slow
        started = subprocess.Popen(
            command(images, tmp_path / "out"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "MEDSHIFT_HOME": str(tmp_path / "home")},
            start_new_session=True,
        )
        assert any(line.startswith(last) for line in started.stderr)
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        started.stderr.close()
        assert not list((tmp_path / "out").rglob("card.json"))
    done = medshift(*words(images, tmp_path / "out"), MEDSHIFT_HOME=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    where = submission(tmp_path / "out", "scratch+arch=test_resnet+steps=8")
    assert (where / "predictions.parquet").read_bytes() == first.read_bytes()
    assert {path.name for path in where.iterdir()} == {"card.json", "curve.json", "predictions.parquet"}


def stopped_by(number, said, place):
    """What is left and said by a run that a signal stopped in its training."""
    by = "" if number == signal.SIGINT else f" by {number.name}"
    assert said.endswith(f"medshift: stopped{by}: training of seed 0 starts over with the same command\n")
    assert "Traceback" not in said
    assert not list((place / "out").rglob("*lock*"))


def test_a_training_that_is_stopped_says_that_it_starts_over(tmp_path, images):
    longer = [word.replace("steps=8", "steps=2000") for word in command(images, tmp_path / "out")]
    started = subprocess.Popen(
        [*longer, "--set", "patience=1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MEDSHIFT_HOME": str(tmp_path / "home")},
        # a test run started in the background of a script hands down that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in started.stderr:
        if "step " in line:
            break
    started.send_signal(signal.SIGINT)
    rest = started.stderr.read()
    assert started.wait() == 128 + signal.SIGINT
    stopped_by(signal.SIGINT, rest, tmp_path)


def test_so_does_one_that_a_scheduler_stops(tmp_path, images, monkeypatch):
    def after_evaluation(*given):
        assert signal.getsignal(signal.SIGUSR1) is not signal.SIG_DFL  # or it would end the tests
        os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr(BestEvaluation, "after_evaluation", after_evaluation)
    done = medshift(*words(images, tmp_path / "out"), MEDSHIFT_HOME=tmp_path / "home")
    assert done.returncode == 128 + signal.SIGUSR1
    stopped_by(signal.SIGUSR1, done.stderr, tmp_path)
