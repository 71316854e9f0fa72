"""What a run tells of its precision, and of a training whose state is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark import evaluate
from medshift.benchmark.contract import registry
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import run
from medshift.benchmark.runs.verification import rerun
from medshift.benchmark.submissions import card
from medshift.shifts.errors import MedshiftError


class Even:
    def __call__(self, images):
        return torch.full((len(images), 2), 0.5)


@dataclass(frozen=True)
class Told:
    """A baseline that remembers the precision that it is told."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    told: ClassVar[list[str]] = []

    def fit(self, access):
        self.told.append(access.precision)
        return Even()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set", {"site-a": 40, "site-b": 12})


@pytest.fixture
def made(tmp_path, images, monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "told", f"{__name__}:Told")
    monkeypatch.setattr(Told, "told", [])
    dataset = manifest.read_manifest(images)
    terms, table = plan.plan(dataset, Choices(shifts=("gamma",), severities=(1,)))
    write_protocol(terms, table, tmp_path / terms.name)
    return run.Job(dataset, terms, table, "told", Told(), 0, tmp_path)


def test_a_run_in_another_precision_is_another_entry_and_its_card_tells(made, images, tmp_path):
    half = replace(made, precision="bfloat16")
    for each in (made, half):
        run.run(each, torch.device("cpu"), run.RunProgress())
    assert (made.entry, half.entry) == ("told", "told+precision=bfloat16")
    texts = [(each.folder / "card.json").read_text() for each in (made, half)]
    assert ['"precision"' in text for text in texts] == [False, True]
    assert [card.read(each.folder).environment.precision for each in (made, half)] == ["float32", "bfloat16"]
    rerun.rerun(half.folder, tmp_path / "again", images, way="in-process")
    evaluate("told", data=images, shifts=["gamma"], severities=[1], precision="bfloat16")
    assert Told.told == ["float32", "bfloat16", "bfloat16", "bfloat16"]


@pytest.mark.parametrize(
    ("model", "precision", "line"),
    [
        ("told", "half", "precision='half': choose one of float32, tf32, bfloat16, float16"),
        (Even(), "bfloat16", "settings, budget, tune and precision are for baselines given by name"),
        ("told", "float16", "--precision float16 is for graphics cards of NVIDIA, and the device is cpu: give"),
    ],
)
def test_a_precision_that_cannot_be_is_refused(made, images, model, precision, line):
    with pytest.raises(MedshiftError, match=line):
        evaluate(model, data=images, shifts=["gamma"], severities=[1], precision=precision, device="cpu")


def test_a_training_whose_state_is_kept_is_said_to_resume(made, monkeypatch):
    def saved(self, access):
        stop = KeyboardInterrupt()
        stop.add_note("training is saved at step 1,500 of 3,000")
        raise stop

    monkeypatch.setattr(Told, "fit", saved)
    with pytest.raises(KeyboardInterrupt) as stop:
        run.run(made, torch.device("cpu"), run.RunProgress())
    notes = ["training is saved at step 1,500 of 3,000", "the same command resumes from there"]
    assert stop.value.__notes__ == notes
