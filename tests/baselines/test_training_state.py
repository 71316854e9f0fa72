"""A training that is stopped resumes from its last evaluation and ends in the same bytes and curve; it is done once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from helpers.images.bright_squares import TINY, access

from medshift.baselines.adaptation.coral_mmd import Coral
from medshift.baselines.adaptation.dann import Dann
from medshift.baselines.adaptation.ssl_target import SslTarget
from medshift.baselines.common import training, training_state
from medshift.baselines.common.recipe import Recipe
from medshift.baselines.generalisation import swad
from medshift.baselines.generalisation.mixstyle import Mixstyle
from medshift.baselines.generalisation.mixup import Mixup
from medshift.baselines.scratch.scratch import Scratch
from medshift.benchmark.datasets.images import Images

STEPS = 3
QUICK = TINY | {"steps": STEPS, "patience": 1.0}
KINDS = {
    "scratch": Scratch(**QUICK),
    "coral": Coral(**QUICK),
    "dann": Dann(**QUICK, accumulate=2),
    "mixup": Mixup(**QUICK),
    "mixstyle": Mixstyle(**QUICK, probability=1.0),
    "swad": swad.Swad(**QUICK, converge=1, tolerance=2, rise=9.0),
    "ssl-target": SslTarget(**QUICK, pretrain_batch=8, width=16),
}
FIRST = {"ssl-target": ["epoch 1 of 2 without labels", "epoch 2 of 2 without labels"]}
HOLDS = """
import sys, time
from pathlib import Path
from medshift.benchmark.files.locks import locked
with locked(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def at_once(monkeypatch, any_weights):
    """Keep the state at every evaluation, and start from whatever weights there are."""
    monkeypatch.setattr(training_state, "REST", (0.0, 0.0))
    monkeypatch.setattr(swad, "PLATEAU", 9.0)


def given(lines, records=None):
    told = access(count=16)
    targets = {name: Images(told.train.pixels // share, None) for name, share in (("b", 2), ("c", 3))}
    trained = told.trained if records is None else records.append
    return replace(told, targets=targets, report=lines.append, trained=trained)


def fitted(baseline, lines, place, monkeypatch, records=None):
    monkeypatch.setenv("MEDSHIFT_HOME", str(place))
    network = baseline.fit(given(lines, records)).network
    return {name: value.numpy().tobytes() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("name", KINDS)
def test_a_training_killed_after_any_evaluation_ends_in_the_same_bytes(name, at_once, tmp_path, monkeypatch):
    states, write = [], training_state.StateFile.write

    def kept(file, where, stage):
        write(file, where, stage)
        states.append((where, shutil.copy(file.path, tmp_path / f"{len(states)}.state"), file.path.name))

    monkeypatch.setattr(training_state.StateFile, "write", kept)
    records = []
    whole = fitted(KINDS[name], [], tmp_path / "whole", monkeypatch, records)
    assert [path.suffix for path in (tmp_path / "whole" / "models").iterdir()] == [".pt"]
    wheres = [where for where, *_ in states]
    assert wheres == [*FIRST.get(name, []), *(f"step {step} of {STEPS}" for step in range(1, STEPS))]
    saved = [*states]  # the resumed ones add theirs
    for where, copied, file in saved:
        place = tmp_path / where / "models"
        place.mkdir(parents=True)
        shutil.copy(copied, place / file)
        lines = []
        assert fitted(KINDS[name], lines, tmp_path / where, monkeypatch, records) == whole, where
        assert f"training resumes at {where}" in lines
        assert not [line for line in lines if line.startswith(where.replace(" of ", "/"))]  # not trained again
        assert [path.suffix for path in place.iterdir()] == [".pt"]
    curve, *resumed = (record.curve for record in records)
    assert [replace(each, seconds=curve.seconds) for each in resumed] == [curve] * len(saved)
    assert curve.step == tuple(range(1, STEPS + 1))
    for (where, *_), each in zip(saved, resumed, strict=True):
        done = int(where.split()[1]) if where.startswith("step") else 0
        assert each.seconds[:done] == curve.seconds[:done]  # those of the process before, to which later ones add
        assert list(each.seconds) == sorted(each.seconds)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "damaged"),
        (lambda content: content[: len(content) // 2], "damaged"),
        (lambda content: b"", "damaged"),
        (lambda content: content, "of another training"),
    ],
)
def test_a_damaged_state_and_that_of_another_training_are_not_used(at_once, tmp_path, change, why):
    path, lines = tmp_path / "model.state", []
    training_state.StateFile(path, "one", lines.append).write("step 1 of 2", {"parts": torch.zeros(3)})
    path.write_bytes(change(path.read_bytes()))
    file = training_state.StateFile(path, "other", lines.append)
    assert (file.kept, file.where) == (None, "")
    assert lines == [f"{path} is not used ({why}): training starts over"]


def test_a_short_training_keeps_no_state_and_a_full_disk_does_not_end_one(tmp_path, monkeypatch):
    def never(*given):
        raise AssertionError("written")

    with monkeypatch.context() as patched:
        patched.setattr(training_state.StateFile, "write", never)
        fitted(KINDS["scratch"], [], tmp_path / "short", monkeypatch)

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training_state, "REST", (0.0, 0.0))
    monkeypatch.setattr(training_state.torch, "save", full)
    lines = []
    file = training_state.StateFile(tmp_path / "model.state", "key", lines.append)
    file.write("step 1 of 2", {})
    assert (file.usable, file.where) == (False, "")
    assert "cannot be kept" in lines[0]
    assert list(tmp_path.glob("*.state")) == []


def test_an_interruption_says_at_which_step_the_training_is_saved(at_once, tmp_path, monkeypatch):
    def stops(line):
        if line.startswith("step 3"):
            raise KeyboardInterrupt

    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    with pytest.raises(KeyboardInterrupt) as stop:
        KINDS["scratch"].fit(replace(given([]), report=stops))
    assert stop.value.__notes__ == [f"training is saved at step 2 of {STEPS}"]
    assert sorted(path.suffix for path in (tmp_path / "models").iterdir()) == [".state"]


@dataclass(frozen=True)
class Counting(Recipe):
    """A method from elsewhere, whose loss remembers what no one is told."""

    told: ClassVar[bool] = False

    def fit(self, access):
        calls = []

        def loss(network, images, labels, weights, draws):
            calls.append(1)
            return training.cross_entropy(network, images, labels, weights, draws) * len(calls)

        def build():
            return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, 2))

        return training.Classifier(training.source_network(access, self, "counting", build, loss))


def test_a_loss_that_may_remember_something_unknown_is_not_resumed(at_once, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(training_state.StateFile, "write", lambda *given: written.append(1))
    fitted(Counting(steps=3, batch_size=8), [], tmp_path, monkeypatch)
    assert written == []
    assert training_state.can_be_kept(training.cross_entropy)
    assert training_state.can_be_kept(torch.nn.Linear(1, 1))


@pytest.mark.parametrize("finished", [False, True])
def test_a_model_that_another_process_trains_is_waited_for(finished, tmp_path, monkeypatch):
    made = tmp_path / "made"
    whole = fitted(KINDS["scratch"], [], made, monkeypatch)
    (weights,) = (made / "models").iterdir()
    place = tmp_path / "home" / "models"
    place.mkdir(parents=True)
    (place / f".{weights.name}.1.part").write_text("left by a killed process")
    lock = (place / weights.name).with_suffix(".lock")
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(lock)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline().strip() == "held"

    class Lines(list):
        def append(self, line):
            super().append(line)
            if "waiting" in line:
                if finished:
                    shutil.copy(weights, place)
                holder.kill()
                holder.wait()

    lines = Lines()
    assert fitted(KINDS["scratch"], lines, tmp_path / "home", monkeypatch) == whole
    assert lines[0].startswith(f"source model {weights.stem[:12]} is being trained by process {holder.pid} on ")
    assert lines[0].endswith(": waiting for it")
    assert ("loaded from cache" in lines[-1]) == finished
    assert [path.name for path in place.iterdir()] == [weights.name]


def test_a_curve_holds_the_rate_of_the_steps_and_the_figures_of_the_kept_network(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    rates, step, records = [], torch.optim.AdamW.step, []

    def noted(optimiser, *given):
        rates.append(optimiser.param_groups[0]["lr"])
        return step(optimiser, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    told = replace(access(), trained=records.append)
    made = Scratch(**TINY | {"steps": 60, "patience": 1.0})
    found = made.fit(told)
    (record,) = records
    curve = record.curve
    assert record.losses == curve.losses
    assert curve.step == tuple(range(2, 61, 2))
    assert curve.images == tuple(8 * each for each in curve.step)
    assert curve.epoch == pytest.approx([8 * each / 48 for each in curve.step])
    assert curve.learning_rate == pytest.approx([rates[each - 1] for each in curve.step])
    assert list(curve.seconds) == sorted(curve.seconds)
    at = curve.step.index(record.kept)
    probabilities, labels = found(told.val.scaled(told.val.stored(slice(None)), told.device)).numpy(), told.val.labels
    recalls = [(probabilities.argmax(1) == labels)[labels == k].mean() for k in (0, 1)]
    assert (curve.metric, curve.validation_figure[at]) == ("balanced_accuracy", np.mean(recalls))
    costs = -np.log(probabilities[np.arange(len(labels)), labels])
    assert curve.validation_loss[at] == pytest.approx(costs.mean(), rel=1e-4)


def test_the_figure_of_a_single_class_is_undefined():
    told = access()
    told.val.labels[:] = 1
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, 2))
    assert training.validate(network, told, torch.ones(2), 64)[1] is None
