"""The steps of a run: its protocol and conditions, what a baseline is given, and what it may return."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark.contract import access, registry
from medshift.benchmark.contract.search_space import Choice
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import plan, protocol, truth
from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import predict, run, stream
from medshift.benchmark.runs.tuning import Budget
from medshift.shifts.errors import MedshiftError

SHIFTS = "gamma,gaussian-noise,psf-blur"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "returns", f"{__name__}:Returns")


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


@dataclass(frozen=True)
class Looks(Returns):
    """Keeps what it was shown, and fails."""

    def fit(self, access):
        SHOWN[:] = [access.classes, access.train.labels.mean()]
        return Broken("list")


SHOWN = []


def test_a_model_is_shown_the_classes_in_the_order_of_its_protocol(tmp_path, images):
    table = manifest.read_manifest(images)
    table.table["label"] = (np.arange(len(table.table)) // 2 % 4 == 0).astype("int64")  # a quarter is `sick`
    for positive, share in (("sick", 0.25), ("healthy", 0.75)):
        made = job(table, tmp_path, Looks(), Choices(shifts=("gamma",), severities=(1,), positive=positive))
        with pytest.raises(MedshiftError, match="a list, not a tensor"):
            run.run(made, torch.device("cpu"), run.RunProgress())
        assert SHOWN[0][1] == positive
        assert SHOWN[1] == pytest.approx(share, abs=0.1)


def test_every_condition_starts_afresh(tmp_path, images, monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "returns", f"{__name__}:Returns")
    dataset = manifest.read_manifest(images)
    made = job(dataset, tmp_path, Returns("calls"))
    run.run(made, torch.device("cpu"), run.RunProgress())
    rows = pd.read_parquet(made.folder / "predictions.parquet")
    # each condition fits into one batch, so state that leaked would show from the second condition on
    assert (rows["p0"] == 1.0).all()


def test_a_run_that_is_stopped_says_how_many_conditions_are_kept_and_ends_in_the_same_bytes(
    tmp_path, images, monkeypatch
):
    monkeypatch.setitem(registry.TABLE.builtins, "returns", f"{__name__}:Returns")
    dataset = manifest.read_manifest(images)
    made, whole = (job(dataset, tmp_path / name, Returns("calls")) for name in ("cut", "whole"))

    def stops(conditions, count):
        assert count == 5
        for number, condition in enumerate(conditions):
            if number == 2:
                raise KeyboardInterrupt
            yield condition

    with pytest.raises(KeyboardInterrupt) as stop:
        run.run(made, torch.device("cpu"), run.RunProgress(track=stops))
    kept = "2 of 5 conditions of seed 0 are saved; the same command resumes from there"
    assert stop.value.__notes__ == [kept]
    for each in (made, whole):
        run.run(each, torch.device("cpu"), run.RunProgress())
        assert sorted(path.name for path in each.folder.iterdir()) == ["card.json", "predictions.parquet"]
        assert not [path for path in each.folder.parent.parent.iterdir() if path.name.startswith(".")]
    one, other = ((each.folder / "predictions.parquet").read_bytes() for each in (made, whole))
    assert one == other


@dataclass(frozen=True)
class Stops(Returns):
    """A baseline whose training is stopped from its second call on."""

    rate: float = 0.1
    search: ClassVar = {"rate": Choice((0.1, 0.2, 0.4))}
    calls: ClassVar[list[float]] = []

    def fit(self, access):
        self.calls.append(self.rate)
        if len(self.calls) > self.allowed:
            raise KeyboardInterrupt
        return Broken("calls")


@pytest.mark.parametrize(
    ("allowed", "budget", "kept"),
    [
        (0, Budget(), "training of seed 0 starts over with the same command"),
        (0, Budget(3, ("rate",)), "0 of 3 draws of seed 0 are saved; the training that was under way starts over"),
        (2, Budget(3, ("rate",)), "2 of 3 draws of seed 0 are saved; the training that was under way starts over"),
    ],
)
def test_a_training_that_is_stopped_says_what_starts_over(tmp_path, images, monkeypatch, allowed, budget, kept):
    monkeypatch.setattr(Stops, "allowed", allowed, raising=False)
    monkeypatch.setattr(Stops, "calls", [])
    made = dataclasses.replace(job(manifest.read_manifest(images), tmp_path, Stops()), budget=budget)
    with pytest.raises(KeyboardInterrupt) as stop:
        run.run(made, torch.device("cpu"), run.RunProgress())
    (note,) = stop.value.__notes__
    assert note.startswith(kept)


def test_the_same_run_is_made_by_one_process_at_a_time(tmp_path, images, monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "returns", f"{__name__}:Returns")
    dataset = manifest.read_manifest(images)
    made = job(dataset, tmp_path, Returns("calls"))

    def meanwhile(conditions, count):
        with pytest.raises(MedshiftError, match=r"seed-0 is being run already: wait for it, or choose"):
            run.run(made, torch.device("cpu"), run.RunProgress())
        next_seed = dataclasses.replace(made, seed=1)
        run.run(next_seed, torch.device("cpu"), run.RunProgress())  # another seed has a folder of its own
        yield from conditions

    run.run(made, torch.device("cpu"), run.RunProgress(track=meanwhile))
    for seed in ("seed-0", "seed-1"):
        left = sorted(path.name for path in (made.folder.parent / seed).iterdir())
        assert left == ["card.json", "predictions.parquet"]


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
        rows = dataset.pixels[by_split[domain, "adapt"]]
        assert sorted(each.tobytes() for each in handed.pixels) == sorted(each.tobytes() for each in rows)
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
