"""The main job as a user runs it: a process, real files, interruptions, and what must not come through."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.cli import MEDSHIFT
from helpers.image_folders import folder

from medshift.benchmark.contract import access, predictor, registry
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import plan, protocol, truth
from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import predict, run, stream
from medshift.shifts.errors import MedshiftError

SHIFTS = "gamma,gaussian-noise,psf-blur"
QUICK = ["--set", "arch=test_resnet", "--set", "epochs=2", "--shifts", SHIFTS, "--severities", "1,5", "--threads", "1"]


def command(where, out, *more):
    return [*MEDSHIFT, "run", "--data", str(where), "--out", str(out), *QUICK, *more]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, home, images):
    """Two baselines, two seeds of one, by one undisturbed process each."""
    out = tmp_path_factory.mktemp("out")
    said = {}
    for name, more in (("scratch", ["--seeds", "2"]), ("adabn", ["--set", "prior=4"])):
        # adabn starts from ImageNet, whose weights are installed for one architecture only
        arch = ["--set", "arch=tf_efficientnet_lite0", "--set", "epochs=1"] if name == "adabn" else []
        done = subprocess.run(
            command(images, out, "--baseline", name, *more, *arch),
            capture_output=True,
            text=True,
            env={**os.environ, "MEDSHIFT_HOME": str(home)},
        )
        assert done.returncode == 0, done.stderr
        said[name] = done
    return out, said


def submission(out, entry, seed=0):
    (where,) = out.glob(f"set-from-site-a-*/{entry}/seed-{seed}")
    return where


def test_a_run_prints_a_table_and_leaves_a_whole_submission(finished):
    out, said = finished
    printed = said["scratch"].stdout
    for word in ("clean", "real site-b", "real site-c", "synth. noise", "shifted", "drop", "AUROC"):
        assert word in printed
    assert printed.count("]") > 3 * 10  # no interval is cut off at 80 columns
    where = submission(out, "scratch+arch=test_resnet+epochs=2")
    assert str(where) in printed.replace("\n", "")
    assert {path.name for path in where.iterdir()} == {"card.json", "predictions.parquet"}
    card = json.loads((where / "card.json").read_text())
    assert card["baseline"]["config"]["arch"] == "test_resnet"
    assert card["environment"]["threads"] == 1
    assert set(card["shifts"]) == set(SHIFTS.split(","))
    rows = pd.read_parquet(where / "predictions.parquet")
    keys = {"site-a/val", "site-a", "site-b", "site-c"} | {f"site-a/{s}@{v}" for s in SHIFTS.split(",") for v in (1, 5)}
    assert set(rows["condition"]) == keys
    done = subprocess.run([*MEDSHIFT, "check", "submission", str(where)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_targets_adapt_split_and_source_training_images_are_never_predicted(finished):
    out, _ = finished
    where = submission(out, "scratch+arch=test_resnet+epochs=2")
    rows = pd.read_parquet(where / "predictions.parquet")
    table = truth.read(where.parent.parent / "truth.parquet").set_index("sample_id")
    assert set(table.loc[rows["sample_id"].unique(), "split"]) == {"val", "test"}


def test_same_seed_same_bytes_and_another_seed_others(finished, tmp_path, images):
    out, _ = finished
    first = submission(out, "scratch+arch=test_resnet+epochs=2") / "predictions.parquet"
    other = submission(out, "scratch+arch=test_resnet+epochs=2", seed=1) / "predictions.parquet"
    again = subprocess.run(
        command(images, tmp_path / "again", "--baseline", "scratch"),
        capture_output=True,
        text=True,
        env={**os.environ, "MEDSHIFT_HOME": str(tmp_path / "home")},
    )
    assert again.returncode == 0, again.stderr
    same = submission(tmp_path / "again", "scratch+arch=test_resnet+epochs=2") / "predictions.parquet"
    assert same.read_bytes() == first.read_bytes()
    assert other.read_bytes() != first.read_bytes()


def test_a_finished_run_does_nothing_again(finished, images, home):
    out, _ = finished
    where = submission(out, "scratch+arch=test_resnet+epochs=2")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in where.iterdir()}
    done = subprocess.run(
        command(images, out, "--baseline", "scratch"),
        capture_output=True,
        text=True,
        env={**os.environ, "MEDSHIFT_HOME": str(home)},
    )
    assert done.returncode == 0
    assert "complete, nothing to do" in done.stderr
    assert "clean" in done.stdout
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in where.iterdir()}


def test_a_card_edited_by_hand_is_refused(finished, tmp_path, images, home):
    out, _ = finished
    copied = tmp_path / "out"
    shutil.copytree(out, copied)
    where = submission(copied, "scratch+arch=test_resnet+epochs=2")
    card = json.loads((where / "card.json").read_text())
    card["scores"][3]["value"] = 0.999
    (where / "card.json").write_text(json.dumps(card))
    checked = subprocess.run([*MEDSHIFT, "check", "submission", str(where)], capture_output=True, text=True)
    assert checked.returncode == 1
    assert "0.999" in checked.stdout
    environment = {**os.environ, "MEDSHIFT_HOME": str(home)}
    for words in (command(images, copied, "--baseline", "scratch"), [*MEDSHIFT, "leaderboard", str(copied)]):
        done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.count("medshift: ") == 1
        assert "Traceback" not in done.stderr


def test_killed_at_random_moments_and_resumed_ends_in_the_same_bytes(finished, tmp_path, images):
    out, _ = finished
    first = submission(out, "scratch+arch=test_resnet+epochs=2") / "predictions.parquet"
    moments = random.Random(5)
    environment = {**os.environ, "MEDSHIFT_HOME": str(tmp_path / "home")}
    for _ in range(6):
        started = subprocess.Popen(
            command(images, tmp_path / "out", "--baseline", "scratch"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        time.sleep(moments.uniform(2.0, 9.0))
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    done = subprocess.run(
        command(images, tmp_path / "out", "--baseline", "scratch"), capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    where = submission(tmp_path / "out", "scratch+arch=test_resnet+epochs=2")
    assert (where / "predictions.parquet").read_bytes() == first.read_bytes()
    assert {path.name for path in where.iterdir()} == {"card.json", "predictions.parquet"}


def test_interrupt_says_how_to_go_on(tmp_path, images):
    started = subprocess.Popen(
        command(images, tmp_path / "out", "--baseline", "scratch", "--set", "epochs=500", "--set", "patience=500"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MEDSHIFT_HOME": str(tmp_path / "home")},
        # a test run started in the background of a script hands down that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in started.stderr:
        if "epoch 1/" in line:
            break
    started.send_signal(signal.SIGINT)
    rest = started.stderr.read()
    assert started.wait() == 130
    assert "the same command resumes from there" in rest
    assert "Traceback" not in rest


@pytest.mark.parametrize("size", [1, 7, 64])
def test_shifted_pixels_do_not_depend_on_the_batch(images, size):
    dataset = manifest.read_manifest(images)
    terms, table = plan.plan(dataset, Choices(shifts=tuple(SHIFTS.split(","))))

    class Look:
        def __init__(self):
            self.seen = []

        def __call__(self, batch):
            self.seen.append(batch)
            return torch.full((len(batch), 2), 0.5)

    for condition in terms.conditions():
        rows = stream.test_stream(terms, table, condition)
        seen = []
        for batch in (size, 64):
            look = Look()
            terms_ = terms.model_copy(update={"batch_size": batch})
            predict.predict(look, dataset, rows, terms_, condition, torch.device("cpu"))
            seen.append(torch.cat(look.seen))
        assert torch.equal(*seen), condition.key


@dataclass(frozen=True)
class Returns:
    """A baseline whose predictor returns what it is told to."""

    sees: ClassVar[str] = "test-batches"
    paper: ClassVar[str] = "none"
    what: str = "nan"

    def fit(self, access):
        return Broken(self.what)


class Broken:
    def __init__(self, what):
        self.what, self.calls = what, 0

    def __call__(self, images):
        self.calls += 1
        even = torch.full((len(images), 2), 0.5)
        return {
            "nan": even * torch.nan,
            "shape": even[:, :1],
            "sum": even * 1.5,
            "negative": torch.tensor([[1.5, -0.5]]).expand(len(images), -1),
            "list": even.tolist(),
            "calls": torch.tensor([[1.0, 0.0]]).expand(len(images), -1) if self.calls == 1 else even,
        }[self.what]


def job(dataset, out, baseline, choices=None, name="returns"):
    terms, table = plan.plan(dataset, choices or Choices(shifts=("gamma",), severities=(1,)))
    write_protocol(terms, table, out / terms.name)
    return run.Job(dataset, terms, table, name, baseline, 0, out)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nan", "in condition 'site-a/val' the model returned NaN or infinite values"),
        ("shape", r"returned shape \(\d+, 1\), not \(\d+, 2\)"),
        ("sum", "rows that are not probabilities"),
        ("negative", "rows that are not probabilities"),
        ("list", "a list, not a tensor"),
    ],
)
def test_what_is_no_probability_stops_the_run(tmp_path, images, what, message):
    made = job(manifest.read_manifest(images), tmp_path, Returns(what))
    with pytest.raises(MedshiftError, match=message):
        run.run(made, torch.device("cpu"), run.RunProgress())
    assert not list(tmp_path.rglob("card.json"))
    assert not list(tmp_path.rglob("*.npy"))


def test_every_condition_starts_afresh(tmp_path, images, monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "returns", f"{__name__}:Returns")
    dataset = manifest.read_manifest(images)
    made = job(dataset, tmp_path, Returns("calls"))
    run.run(made, torch.device("cpu"), run.RunProgress())
    rows = pd.read_parquet(made.folder / "predictions.parquet")
    # each condition fits into one batch, so state that leaked would show from the second condition on
    assert (rows["p0"] == 1.0).all()


def test_functions_without_a_copy_are_refused():
    with pytest.raises(MedshiftError, match="an object that can be copied, not a function"):
        predictor.fresh_copy(lambda images: images)


@pytest.mark.parametrize("sees", ["source", "target-unlabelled", "test-batches"])
def test_access_holds_what_is_declared_and_nothing_else(images, sees):
    dataset = manifest.read_manifest(images)
    terms, table = plan.plan(dataset, Choices())
    granted = access.grant(
        dataset, table, terms.source, terms.targets, sees, 0, torch.device("cpu"), "x", lambda line: None
    )
    by_split = table.groupby(["domain", "split"])["row"].apply(list)
    assert np.array_equal(granted.train.pixels, dataset.pixels[by_split["site-a", "train"]])
    assert np.array_equal(granted.val.pixels, dataset.pixels[by_split["site-a", "val"]])
    assert set(granted.targets) == (set(terms.targets) if sees == "target-unlabelled" else set())
    for domain, handed in granted.targets.items():
        assert np.array_equal(handed.pixels, dataset.pixels[by_split[domain, "adapt"]])
        assert not hasattr(handed, "labels")
    for handed in (granted.train, granted.val, *granted.targets.values()):
        assert not np.shares_memory(handed.pixels, dataset.pixels)
        assert handed.pixels.base is None or handed.pixels.base.size == handed.pixels.size


def test_another_protocol_in_the_way(tmp_path, images):
    dataset = manifest.read_manifest(images)
    terms, table = plan.plan(dataset, Choices())
    write_protocol(terms, table, tmp_path / terms.name)
    write_protocol(terms, table, tmp_path / terms.name)
    other = terms.model_copy(update={"seed": 1})
    with pytest.raises(MedshiftError, match=r"another protocol \(different seed\): choose another --out"):
        write_protocol(other, table, tmp_path / terms.name)
    facts = terms.dataset.model_copy(update={"version": "later"})
    with pytest.raises(MedshiftError, match=f"version {terms.dataset.version} of the data there, later here"):
        write_protocol(terms.model_copy(update={"dataset": facts}), table, tmp_path / terms.name)
    moved = table.assign(label=1 - table["label"])
    truth.write(moved, tmp_path / terms.name / protocol.TRUTH_FILE)
    with pytest.raises(MedshiftError, match="its hash differs"):
        write_protocol(terms, table, tmp_path / terms.name)


def test_other_choices_are_other_protocols(images):
    dataset = manifest.read_manifest(images)
    names = {
        plan.plan(dataset, choices)[0].name
        for choices in (
            Choices(),
            Choices(shifts=("gamma",)),
            Choices(severities=(1, 3)),
            Choices(families=("noise",)),
            Choices(targets=("site-b",)),
            Choices(source="site-b"),
            Choices(requantise=False),
        )
    }
    assert len(names) == 7
    assert {"set-from-site-a", "set-from-site-b"} < names
    assert plan.plan(dataset, Choices(source="site-a"))[0].name == "set-from-site-a"


def test_conditions_have_readable_keys(images):
    terms, _ = plan.plan(manifest.read_manifest(images), Choices(shifts=("gamma",), severities=(2, 3)))
    keys = [condition.key for condition in terms.conditions()]
    assert keys == ["site-a/val", "site-a", "site-b", "site-c", "site-a/gamma@2", "site-a/gamma@3"]
    assert Condition("a", "synthesized", "gamma", 2.41).key == "a/gamma@2.41"
