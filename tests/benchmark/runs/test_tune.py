"""`--tune`: drawn by address, chosen on source validation alone, never worse there than not tuning, recorded."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from helpers.boards import built_page
from helpers.images.image_folders import folder
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.baselines.common.recipe import Recipe
from medshift.baselines.scratch.scratch import Scratch
from medshift.benchmark.contract import registry
from medshift.benchmark.contract.access import Access
from medshift.benchmark.contract.search_space import Choice, draw_settings
from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.images import Images, Labelled
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import run, tuning
from medshift.benchmark.runs.tuning import Budget
from medshift.benchmark.runs.verification.rerun import budget_of
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import submission
from medshift.shifts.errors import MachineError, MedshiftError

COMMITTED = Path(__file__).parents[3] / "leaderboard" / "submissions"


@dataclass(frozen=True)
class Constant:
    """Gives the second class the same probability whatever it sees; fails where told."""

    sees: ClassVar[str] = "test-batches"
    paper: ClassVar[str] = "none"
    search: ClassVar[dict] = {"second": Choice((0.2, 0.4, 0.6, 0.8)), "fails": Choice((False,))}
    fits: ClassVar[list] = []

    second: float = 0.9
    fails: bool = False

    def fit(self, access):
        self.fits.append(self.second)
        if self.fails:
            raise MedshiftError("training diverged in epoch 1")
        return Says(self.second)


class Says:
    def __init__(self, second):
        self.second, self.seen = second, 0

    def __call__(self, images):
        self.seen += len(images)
        return torch.tensor([[1 - self.second, self.second]]).expand(len(images), -1)


def access(labels=(0, 0, 0, 1), seed=0):
    images = Labelled(np.zeros((len(labels), 1, 8, 8), np.uint8), None, np.array(labels))
    said: list[str] = []
    target = {"t": Images(images.pixels, None)}
    return Access(("a", "b"), 1, (8, 8), images, images, target, seed, torch.device("cpu"), "x", said.append)


def test_the_loss_is_the_mean_over_classes_by_hand():
    # three images of the first class cost -log 0.3 each, one of the second -log 0.7: classes count alike
    found = tuning.loss(Says(0.7), access(), batch_size=3)
    assert found == pytest.approx((-math.log(0.3) - math.log(0.7)) / 2, rel=1e-6)
    assert tuning.loss(Says(1.0), access(), 3) == pytest.approx(-math.log(tuning.LEAST) / 2)


def test_the_loss_leaves_the_predictor_as_it_was_and_streams_in_a_seeded_order():
    said = Says(0.7)
    tuning.loss(said, access(), 2)
    assert said.seen == 0

    class Order(Says):
        order: ClassVar[list] = []

        def __call__(self, images):
            self.order.extend(images.mean((1, 2, 3)).tolist())
            return super().__call__(images)

    given_ = access((0, 1) * 10)
    given_.val.pixels[:] = np.arange(20)[:, None, None, None]
    for _ in range(2):
        tuning.loss(Order(0.5), given_, 7)
    assert Order.order[:20] == Order.order[20:] != sorted(Order.order[:20])
    assert len(set(Order.order)) == 20


@pytest.fixture(autouse=True)
def no_fits_yet():
    Constant.fits.clear()


def test_the_best_draw_is_taken_and_every_draw_recorded(tmp_path):
    given_ = access()
    best = tuning.tune_baseline(Constant(), Budget(6, ("second",)), given_, 2, tmp_path)
    made = tuning.record(tmp_path)
    losses = [tuning.loss(Says(t.settings.get("second", 0.9)), given_, 2) for t in made.trials]
    assert [t.score for t in made.trials] == pytest.approx(losses)
    assert made.trials[0].settings == {}
    assert made.chosen == losses.index(min(losses))  # the first of equal ones
    assert best == Constant(second=made.trials[made.chosen].settings.get("second", 0.9))
    assert made.searched == {"second": "one of 0.2, 0.4, 0.6, 0.8"}
    assert made.draws == len(made.trials) == 6


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 0.99), st.integers(1, 6), st.integers(0, 99))
def test_tuning_is_never_worse_on_validation_than_the_settings_as_given(tmp_path_factory, second, draws, seed):
    given_ = access(seed=seed)
    best = tuning.tune_baseline(Constant(second), Budget(draws, ("second",)), given_, 4, tmp_path_factory.mktemp("t"))
    assert tuning.loss(Says(best.second), given_, 4) <= tuning.loss(Says(second), given_, 4)


def test_an_interrupted_search_goes_on_where_it_was(tmp_path, monkeypatch):
    whole = tuning.tune_baseline(Constant(), Budget(5, ("second",)), access(), 2, tmp_path / "whole")
    fitted = list(Constant.fits)
    Constant.fits.clear()
    honest = tuning.loss

    def stops(*words):
        if len(Constant.fits) == 3:
            raise KeyboardInterrupt
        return honest(*words)

    monkeypatch.setattr(tuning, "loss", stops)
    with pytest.raises(KeyboardInterrupt):
        tuning.tune_baseline(Constant(), Budget(5, ("second",)), access(), 2, tmp_path / "cut")
    monkeypatch.undo()
    again = tuning.tune_baseline(Constant(), Budget(5, ("second",)), access(), 2, tmp_path / "cut")
    assert again == whole
    assert Constant.fits == fitted[:3] + fitted[2:]  # the third was lost, the first two were kept
    one, other = ((tmp_path / name / tuning.TUNING_FILE).read_bytes() for name in ("whole", "cut"))
    assert one == other


def test_a_draw_that_cannot_be_trained_has_no_score_but_the_first_must_train(tmp_path, monkeypatch):
    monkeypatch.setattr(Constant, "search", {"fails": Choice((True,))})
    best = tuning.tune_baseline(Constant(), Budget(3, ("fails",)), access(), 2, tmp_path / "one")
    assert best == Constant()
    assert [trial.score is None for trial in tuning.record(tmp_path / "one").trials] == [False, True, True]
    with pytest.raises(MedshiftError, match="diverged"):
        tuning.tune_baseline(Constant(fails=True), Budget(3, ("fails",)), access(), 2, tmp_path / "two")


def test_a_draw_that_is_refused_beside_the_settings_as_given_has_no_score(tmp_path):
    picky = registry.make_baseline("lame", ["neighbours=1"])  # which one of three affinities refuses
    made = tuning.tune_baseline(picky, Budget(9, ("affinity",)), access(), 2, tmp_path / "some", lambda *_: Says(0.7))
    tried = tuning.record(tmp_path / "some").trials
    assert {trial.settings["affinity"] for trial in tried if trial.score is None} == {"rbf"}
    assert made == picky


def test_what_the_machine_lacks_is_no_fault_of_a_draw(tmp_path, monkeypatch):
    whole = tuning.tune_baseline(Constant(), Budget(4, ("second",)), access(), 2, tmp_path / "whole")
    honest = tuning.loss

    def full(*words):
        if len(Constant.fits) == 6:
            raise MachineError("the disk is full")
        return honest(*words)

    monkeypatch.setattr(tuning, "loss", full)
    with pytest.raises(MachineError, match="the disk is full"):
        tuning.tune_baseline(Constant(), Budget(4, ("second",)), access(), 2, tmp_path / "full")
    assert tuning.count_scored(tmp_path / "full") == 1  # nothing is noted of the second
    assert tuning.tune_baseline(Constant(), Budget(4, ("second",)), access(), 2, tmp_path / "full") == whole


def test_what_the_user_sets_is_not_drawn():
    assert tuning.budget(Scratch(), 0, []) == Budget()
    assert tuning.budget(Scratch(), 4, ["lr=1e-3"]) == Budget(4, ("weight_decay",))
    counted = registry.make_baseline("ssl-target", ["pretrain_steps=50"])  # beside which epochs count for nothing
    assert tuning.budget(counted, 4, ["pretrain_steps=50"]) == Budget(4, ("lr", "weight_decay"))
    assert tuning.budget(counted, 4, ["pretrain_steps=50", "lr=1e-3", "weight_decay=0"]).trials == 1
    probe = registry.make_baseline("linear-probe", [])
    assert tuning.budget(probe, 4, []) == Budget(4, ())  # nothing to draw: one trial, the settings as given


def test_without_a_space_there_is_one_trial(tmp_path, monkeypatch):
    monkeypatch.setattr(Constant, "search", {})
    assert tuning.tune_baseline(Constant(), Budget(9, ()), access(), 2, tmp_path) == Constant()
    assert (tuning.record(tmp_path).draws, len(tuning.record(tmp_path).trials), Constant.fits) == (9, 1, [0.9])


@pytest.mark.parametrize("name", sorted(registry.BUILTINS))
def test_every_draw_of_every_baseline_is_a_setting_that_it_takes(name):
    plain = registry.make_baseline(name, [])
    for number in range(1, 20):
        picked = draw_settings(registry.search(plain), 0, number)
        registry.make_baseline(name, [f"{key}={value}" for key, value in picked.items()])


def test_methods_with_one_recipe_draw_the_same_recipes():
    names = ("tent", "scratch", "coral")
    drawn_ = [draw_settings(registry.search(registry.load_baseline(name)), 3, 2) for name in names]
    assert len({(values["lr"], values["weight_decay"]) for values in drawn_}) == 1
    assert set(Recipe.search) == {"lr", "weight_decay"}


def test_a_run_records_its_tuning_and_comes_out_the_same(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "test_tune", sys.modules[__name__])
    dataset = manifest.read_manifest(folder(tmp_path / "set"))
    terms, table = plan.plan(dataset, Choices(shifts=("gamma",), severities=(1,)))
    for out in ("one", "two"):
        write_protocol(terms, table, tmp_path / out / terms.name)
    name = "test_tune:Constant"

    def job(out, budget):
        return run.Job(dataset, terms, table, name, Constant(), 0, tmp_path / out, budget=budget)

    first, again, plain = job("one", Budget(4, ("second",))), job("two", Budget(4, ("second",))), job("one", Budget())
    for made in (first, again, plain):
        run.run(made, torch.device("cpu"), run.RunProgress())
    assert first.folder.parent.name == "test_tune.Constant+tune=4"
    assert plain.folder.parent.name == "test_tune.Constant"
    card = cards.read(first.folder)
    assert card.tuning == cards.read(again.folder).tuning
    assert card.baseline.config == {"second": 0.9, "fails": False}  # as given: all seeds are one entry
    assert card.tuning.draws == 4
    assert sorted(path.name for path in first.folder.iterdir()) == ["card.json", "predictions.parquet"]
    one, other, untuned = ((made.folder / "predictions.parquet").read_bytes() for made in (first, again, plain))
    assert one == other
    assert one != untuned
    assert "tuning" not in json.loads((plain.folder / "card.json").read_text())
    assert submission.check_submission(first.folder, terms, table) == []
    with pytest.raises(MedshiftError, match="made with other settings"):
        run.run(job("one", Budget(4, ("second", "fails"))), torch.device("cpu"), run.RunProgress())
    assert budget_of(card.tuning, Constant()) == first.budget
    moved = card.tuning.model_copy(update={"searched": {"second": "one of 0.1"}})
    with pytest.raises(MedshiftError, match="the search space of second differs"):
        budget_of(moved, Constant())


def test_committed_cards_are_written_as_they_are(tmp_path):
    paths = sorted(COMMITTED.rglob("card.json"))
    assert paths
    for number, path in enumerate(paths):
        cards.write(cards.read(path.parent), tmp_path / str(number))
        assert (tmp_path / str(number) / "card.json").read_bytes() == path.read_bytes()


def test_tuned_seeds_with_other_settings_are_one_entry_and_the_page_says_what_was_chosen(
    fabricate, tmp_path, monkeypatch
):
    from medshift.leaderboard.build import build_leaderboard

    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, terms, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    for seed, lr in enumerate((0.002, 0.0003)):
        where = fabricate.submission(place, terms, rows, "steady+tune=2", seed, name="steady")
        fields = json.loads((where / "card.json").read_text())
        trials = [{"settings": {}, "score": 0.5}, {"settings": {"lr": lr}, "score": 0.4}]
        fields["tuning"] = {"draws": 2, "searched": {"lr": "x"}, "chosen": 1, "trials": trials}
        (where / "card.json").write_text(json.dumps(fields))
        assert submission.check_submission(where, terms, rows) == []
    build_leaderboard(tmp_path / "in", tmp_path / "out")
    page = built_page(tmp_path / "out")
    for said in ("Tuned, seed 0", "Tuned, seed 1", "best of 2 on source validation", "lr = 0.0003", "lr = 0.002"):
        assert said in page
    assert "| `steady+tune=2` | `source` | 2 |" in (tmp_path / "out" / "leaderboard.md").read_text()
    fields["tuning"]["chosen"] = 2
    (where / "card.json").write_text(json.dumps(fields))
    assert "chosen is 2, but there are 2 trials" in submission.check_submission(where, terms, rows)[0]
