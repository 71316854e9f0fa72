"""`medshift.benchmark.evaluate`: as `medshift run` does it, and for models that are fitted already."""

from __future__ import annotations

import inspect
import json
import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.cli import medshift
from helpers.images.image_folders import folder
from PIL import Image
from torch import nn

from medshift.baselines import Recipe
from medshift.benchmark import RunProgress, check_submission, evaluate, read_protocol
from medshift.benchmark.cli.commands.run import run as run_command
from medshift.benchmark.cli.reading import ReadingOptions
from medshift.benchmark.runs import predict
from medshift.benchmark.submissions import card
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set", {"site-a": 48, "site-b": 16})


@pytest.fixture
def options(images, home):
    """Quick terms; a home of the test's own, so that nothing was trained before."""
    return {"data": images, "shifts": ["gamma"], "severities": [1], "threads": 1, "device": "cpu"}


def brightness(batch: torch.Tensor) -> torch.Tensor:
    """A fitted model: the brightest pixels decide."""
    sick = torch.sigmoid(20 * (batch.flatten(1).quantile(0.97, dim=1) - 0.6))
    return torch.stack([1 - sick, sick], 1)


class Linear(nn.Module):
    """A network of probabilities whose dropout shows in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(32 * 32, 2))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.layers(batch).softmax(1)


def submission(out: Path, entry: str, seed: int = 0) -> Path:
    (where,) = out.glob(f"*/{entry}/seed-{seed}")
    return where


def test_a_baseline_gives_the_bytes_of_the_command(options, images, tmp_path):
    settings = {"arch": "test_resnet", "patience": 1.0, "steps": 4}
    scored = evaluate("scratch", **options, settings=settings, seed=3, out=tmp_path / "python")
    words = ["--baseline", "scratch", "--data", str(images), "--out", str(tmp_path / "command"), "--shifts", "gamma"]
    words += ["--severities", "1", "--threads", "1", "--device", "cpu", "--seed", "3"]
    words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    done = medshift("run", *words, MEDSHIFT_HOME=tmp_path / "other-home")
    assert done.returncode == 0, done.stderr
    entry = "scratch+arch=test_resnet+patience=1.0+steps=4"
    ours, theirs = (submission(tmp_path / name, entry, 3) for name in ("python", "command"))
    assert (ours / "predictions.parquet").read_bytes() == (theirs / "predictions.parquet").read_bytes()
    cards = [json.loads((where / "card.json").read_text()) for where in (ours, theirs)]
    assert cards[0]["scores"] == cards[1]["scores"]
    assert cards[0]["scores"] == [claim.model_dump(mode="json") for claim in card.claims(scored)]
    # again: read from the finished submission
    again = evaluate("scratch", **options, settings=settings, seed=3, out=tmp_path / "python")
    assert card.claims(again) == card.claims(scored)


def test_images_that_changed_under_their_names_are_neither_kept_nor_taken_for_the_same(options, tmp_path):
    own = folder(tmp_path / "set", {"site-a": 48, "site-b": 16})
    asked = {**options, "data": own, "settings": {"arch": "test_resnet", "steps": 2}}

    def two(conditions, count):
        for number, condition in enumerate(conditions):
            if number == 2:
                raise KeyboardInterrupt
            yield condition

    def invert():
        for path in (own / "images").glob("*.png"):
            Image.fromarray(255 - np.asarray(Image.open(path))).save(path)

    with pytest.raises(KeyboardInterrupt):
        evaluate("scratch", **asked, out=tmp_path / "one", progress=RunProgress(track=two))
    invert()
    for name in ("one", "two"):
        evaluate("scratch", **asked, out=tmp_path / name)
    one, other = (card.read(next((tmp_path / name).rglob("card.json")).parent) for name in ("one", "two"))
    assert (one.predictions, one.dataset) == (other.predictions, other.dataset)
    invert()
    for seed in (0, 1):  # in its place, and beside it
        with pytest.raises(MedshiftError, match=r"seed-0 .*made with other images under the same names"):
            evaluate("scratch", **asked, seed=seed, out=tmp_path / "one")


def test_a_run_that_is_stopped_before_the_check_of_state_is_checked_when_it_goes_on(options, tmp_path, monkeypatch):
    asked = {**options, "settings": {"arch": "test_resnet", "steps": 2}}
    check, calls = predict.check_forgotten, []

    def stopped(*given):
        raise KeyboardInterrupt

    def counted(*given):
        calls.append(given[4].key)
        return check(*given)

    monkeypatch.setattr(predict, "check_forgotten", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluate("scratch", **asked, out=tmp_path)
    assert not list(tmp_path.rglob("card.json"))
    some = sorted(tmp_path.rglob("parts/*/*.npy"))[0]
    some.write_bytes(b"")  # by a power cut
    monkeypatch.setattr(predict, "check_forgotten", counted)
    evaluate("scratch", **asked, out=tmp_path)
    evaluate("scratch", **asked, out=tmp_path)
    assert len(calls) == 2  # of what the first process left, and of its own
    whole = evaluate("scratch", **asked, out=tmp_path / "whole")
    (resumed,) = tmp_path.glob("set-*/*/seed-0")
    assert card.read(resumed).scores == card.claims(whole)


def test_every_option_of_the_command_is_an_argument():
    renamed = {"baseline": "model", "protocol_folder": "protocol", "family": "families"}
    command = {renamed.get(name, name) for name in inspect.signature(run_command).parameters}
    # criteria of a run from Python are those of its protocol; what it runs is in process, and estimated by itself
    command -= {"seeds", "criteria", "in_process", "unlabelled"}
    reading = {field.name for field in fields(ReadingOptions)}  # further ones are in the argument `reading`
    assert command - reading <= set(inspect.signature(evaluate).parameters)


def test_a_callable_is_scored_and_leaves_no_file(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    scored = evaluate(brightness, **options)
    assert scored.conditions["site-a"]["auroc"].value > 0.9
    assert not list((tmp_path / "tmp").iterdir())
    assert not list(tmp_path.rglob("card.json"))


def test_out_holds_a_submission_in_order_that_is_marked_as_brought(options, tmp_path):
    scored = evaluate(brightness, **options, out=tmp_path, submitter="someone")
    where = submission(tmp_path, "brightness")
    protocol, table = read_protocol(where.parent.parent)
    assert check_submission(where, protocol, table) == []
    made = card.read(where)
    assert made.baseline.distribution == card.BROUGHT
    assert made.baseline.external
    assert (made.entry, made.submitter, made.baseline.config) == ("brightness", "someone", {})
    assert made.scores == card.claims(scored)
    assert {path.name for path in where.iterdir()} == {"card.json", "predictions.parquet"}
    # the same predictions again are no conflict, others are
    evaluate(brightness, **options, out=tmp_path)
    with pytest.raises(MedshiftError, match="holds other predictions: choose another name or seed"):
        evaluate(lambda batch: brightness(batch * 0.9), **options, out=tmp_path, name="brightness")
    assert card.read(where) == made


def test_another_protocol_in_the_way_stops_before_the_work(options, tmp_path):
    evaluate(brightness, **options, out=tmp_path)
    (place,) = tmp_path.glob("*/protocol.json")
    place.write_text(place.read_text().replace('"seed": 0', '"seed": 1'))

    def never(batch):
        raise AssertionError

    with pytest.raises(MedshiftError, match="protocol"):
        evaluate(never, **options, out=tmp_path)


def test_numpy_arrays_networks_and_functions_give_the_same(options):
    network = Linear().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    claims = card.claims(evaluate(network, **options))
    assert network.training, "the caller's network is left as it was"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.eval()
    assert card.claims(evaluate(lambda batch: network(batch), **options)) == claims
    assert card.claims(evaluate(lambda batch: network(batch).numpy().astype(np.float64), **options)) == claims


def test_a_model_that_cannot_be_copied_is_shared(options):
    class Session:
        def __init__(self) -> None:
            self.lock = threading.Lock()  # which no copy can have

        def __call__(self, batch):
            return brightness(batch).numpy()

    assert card.claims(evaluate(Session(), **options)) == card.claims(evaluate(brightness, **options))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda batch: torch.randn(len(batch), 2), r"not probabilities: .*softmax"),
        (lambda batch: brightness(batch)[:, :1], r"returned shape \(\d+, 1\), not \(\d+, 2\)"),
        (lambda batch: brightness(batch)[0], r"returned shape \(2,\), not \(\d+, 2\)"),
        (lambda batch: {"logits": brightness(batch)}, "returned a dict, not a tensor"),
        (lambda batch: None, "returned a NoneType, not a tensor"),
        (lambda batch: brightness(batch) * torch.nan, "NaN or infinite"),
    ],
    ids=["logits", "one-column", "one-row", "dict", "none", "nan"],
)
def test_what_is_no_probability_is_one_clear_error(options, tmp_path, model, message):
    with pytest.raises(MedshiftError, match=message) as caught:
        evaluate(model, **options, out=tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("card.json"))


def test_a_network_in_training_mode_inside_a_function_is_found_out(options):
    network = Linear().train()
    with torch.random.fork_rng(), pytest.raises(MedshiftError, match="set networks to evaluation mode"):
        evaluate(lambda batch: network(batch).detach(), **options)


def mixup(batch: torch.Tensor) -> torch.Tensor:
    return brightness(batch)


@pytest.mark.parametrize(
    ("model", "more", "message"),
    [
        (mixup, {}, "'mixup' is a baseline of medshift .*: choose another name"),
        (brightness, {"name": "my/model"}, "invalid name 'my/model'"),
        (brightness, {"settings": {"lr": 1}}, "already fitted: settings, budget, tune and precision are for baselines"),
        (brightness, {"tune": 2}, "already fitted: settings, budget, tune and precision are for baselines"),
        (brightness, {"tune": -1}, "must not be negative"),
        (Linear, {}, "model is the class Linear: give a baseline by name"),
        (Recipe(), {}, "model is a Recipe: give a baseline by name"),
        ("scratch", {"name": "mine"}, "name='mine' is for callables"),
        ("scrach", {}, "scratch"),
        ("scratch", {"settings": {"step": 1}}, "no hyper-parameter 'step'.*steps"),
        (brightness, {"severities": [0]}, "severities must be among 1, 2, 3, 4, 5"),
        (brightness, {"targets": "site-x"}, "site-x"),
    ],
)
def test_arguments_that_do_not_fit_are_one_clear_error(options, model, more, message):
    with pytest.raises(MedshiftError, match=message) as caught:
        evaluate(model, **{**options, **more})
    assert "\n" not in str(caught.value)


def test_a_name_of_ones_own(options, tmp_path):
    evaluate(mixup, **options, out=tmp_path, name="my-mixup")
    assert card.read(submission(tmp_path, "my-mixup")).entry == "my-mixup"


def test_notes_and_remarks_of_the_command_are_progress_too(options, tmp_path):
    where = folder(tmp_path / "set", {"site-a": 48, "site-b": 4}, names=("sick", "healthy"))
    text = (where / "manifest.csv").read_text().replace(",", ";")
    (where / "manifest.csv").write_text(text)
    said = []
    evaluate(brightness, **{**options, "data": where}, progress=RunProgress(line=said.append))
    assert "note: manifest.csv is separated by `;`" in said
    assert sum("few groups to test on: site-b (1 group)" in line for line in said) == 1
    hint = "sensitivity is that of `sick`"
    assert not any(hint in line for line in said)
    said.clear()
    options = {**options, "data": where, "classes": ["sick", "healthy"]}
    evaluate(brightness, **options, progress=RunProgress(line=said.append))
    assert sum("sensitivity is that of `healthy`, the second class: --positive sick" in line for line in said) == 1
    said.clear()
    evaluate(brightness, **options, positive="sick", progress=RunProgress(line=said.append))
    assert not any("sensitivity" in line for line in said)


def careful(batch: torch.Tensor) -> list[torch.Tensor | None]:
    """A model that refuses dark images."""
    dark = batch.flatten(1).mean(1) < 0.3
    return [None if refused else row for refused, row in zip(dark, brightness(batch), strict=True)]


def test_a_callable_may_refuse_images_if_it_is_said(options, tmp_path):
    scored = evaluate(careful, **options, out=tmp_path, rejections=True, sees="test-batches")
    made = card.read(submission(tmp_path, "careful"))
    protocol, table = read_protocol(submission(tmp_path, "careful").parent.parent)
    assert check_submission(submission(tmp_path, "careful"), protocol, table) == []
    assert made.baseline.sees == "test-batches"
    assert made.rejections["site-b"] == 8  # the darker site, all of it
    assert "site-a" not in made.rejections
    assert scored.conditions["site-b"]["balanced_accuracy"].value == 0
    with pytest.raises(MedshiftError, match="returned a list, not a tensor"):
        evaluate(careful, **options)
    with pytest.raises(MedshiftError, match="sees and rejections are for callables"):
        evaluate("scratch", **options, rejections=True)
    with pytest.raises(MedshiftError, match="sees='everything': choose one of source"):
        evaluate(careful, **options, sees="everything")
