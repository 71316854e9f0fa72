"""What a run says and keeps of a training in steps: epochs and labels in its first line, the course in `curve.json`."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark.contract import registry
from medshift.benchmark.contract.search_space import Choice
from medshift.benchmark.contract.training_record import Curve, TrainingRecord
from medshift.benchmark.contract.weights_record import WeightsRecord
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.runs import run
from medshift.benchmark.runs.study_notes import epochs_note
from medshift.benchmark.runs.tuning import Budget
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions.curve import read_curve


class Even:
    def __call__(self, images):
        return torch.full((len(images), 2), 0.5)


@dataclass(frozen=True)
class Trained:
    """A baseline of six steps whose course is known."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    length: ClassVar[int] = 6
    batch_size: ClassVar[int] = 4
    rows: ClassVar = [(3, 0.5, 12, 0.1, 0.6, 0.7, 0.5, 1.5), (6, 1.0, 24, 0.0, 0.5, 0.6, 0.75, 3.0)]

    def fit(self, access):
        access.trained(TrainingRecord.of_curve(6, Curve.of_rows("balanced_accuracy", self.rows)))
        return Even()


def test_a_run_keeps_the_course_of_its_training_and_says_in_its_first_line_what_steps_and_labels_mean(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(registry.TABLE.builtins, "trained", f"{__name__}:Trained")
    dataset = manifest.read_manifest(folder(tmp_path / "data"))
    terms, table = plan.plan(dataset, Choices(shifts=("gamma",), severities=(1,)))
    write_protocol(terms, table, tmp_path / "out" / terms.name)
    made, lines = run.Job(dataset, terms, table, "trained", Trained(), 0, tmp_path / "out"), []
    run.run(made, torch.device("cpu"), run.RunProgress(line=lines.append))
    assert sorted(path.name for path in made.folder.iterdir()) == ["card.json", "curve.json", "predictions.parquet"]
    assert read_curve(made.folder) == Curve.of_rows("balanced_accuracy", Trained.rows)
    train, val = (((made.table["domain"] == "site-a") & (made.table["split"] == s)).sum() for s in ("train", "val"))
    said = f"fitting on {train} images of 'site-a' (healthy, sick), validating on {val}: {train + val} labels; "
    assert f"trained, seed 0: {said}6 steps of 4 images are {24 / train:.3g} epochs" in lines


@pytest.mark.parametrize(
    ("images", "text"),
    [(1008, "; 3,000 steps of 32 images are 95.2 epochs"), (24, "; 3,000 steps of 24 images are 3,000 epochs")],
)
def test_equal_steps_are_said_in_epochs_of_the_images_at_hand(images, text):
    assert epochs_note(SimpleNamespace(length=3000, batch_size=32), images) == text
    assert epochs_note(SimpleNamespace(arch="solved"), images) == ""


class Same:
    def __init__(self, second):
        self.second = second

    def __call__(self, images):
        return torch.tensor([[1 - self.second, self.second]]).repeat(len(images), 1)


@dataclass(frozen=True)
class Drawn:
    """A baseline whose worse draw is trained from weights, and whose settings as given are not."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    search: ClassVar[dict] = {"second": Choice((0.9,))}

    second: float = 0.5

    def fit(self, access):
        if self.second == 0.9:
            access.starts_from(WeightsRecord("a hub", "0" * 64))
            access.trained(TrainingRecord.of_curve(6, Curve.of_rows("balanced_accuracy", Trained.rows)))
        return Same(self.second)


def test_the_records_are_those_of_the_last_fit_and_not_of_a_draw(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "drawn", f"{__name__}:Drawn")
    dataset = manifest.read_manifest(folder(tmp_path / "data"))
    terms, table = plan.plan(dataset, Choices(shifts=("gamma",), severities=(1,)))
    write_protocol(terms, table, tmp_path / "out" / terms.name)
    budget = Budget(2, ("second",))
    made = run.Job(dataset, terms, table, "drawn", Drawn(), 0, tmp_path / "out", budget=budget)
    run.run(made, torch.device("cpu"), run.RunProgress())
    card = cards.read(made.folder)
    assert (card.tuning.chosen, len(card.tuning.trials)) == (0, 2)
    assert (card.weights, card.training, card.curve) == (None, None, None)
