"""Training on synthesized shifts: a condition is predicted by what has not seen its family, and by nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import pytest
import torch
from helpers.images.image_folders import folder

from medshift.baselines.generalisation import acquisition_augment
from medshift.baselines.generalisation import acquisition_augment as shifted
from medshift.benchmark.contract import predictor, registry
from medshift.benchmark.contract.access import grant
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import run
from medshift.shifts import catalogue
from medshift.shifts.apply import apply_shift
from medshift.shifts.catalogue import FAMILIES
from medshift.shifts.errors import MedshiftError


class Constant:
    """Says the same of every image."""

    def __init__(self, level):
        self.level = level

    def __call__(self, images):
        return torch.tensor([self.level, 1 - self.level]).expand(len(images), 2)


@dataclass(frozen=True)
class Tells:
    """A baseline whose predictions tell which of its models made them: k eighths for the k-th family left out."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"

    def fit(self, access):
        return shifted.LeaveOneFamilyOut(Constant(1.0), {f: Constant(k / 8) for k, f in enumerate(FAMILIES)})


def test_the_harness_asks_for_what_has_not_seen_the_family(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "tells", f"{__name__}:Tells")
    dataset = manifest.read_manifest(folder(tmp_path / "set"))
    names = ("gamma", "gaussian-noise", "psf-blur", "jpeg")
    terms, table = plan.plan(dataset, Choices(shifts=names, severities=(1,)))
    made = run.Job(dataset, terms, table, "tells", Tells(), 0, tmp_path / "out")
    run.run(made, torch.device("cpu"), run.RunProgress())
    rows = pd.read_parquet(made.folder / "predictions.parquet")
    said = rows.groupby("condition")["p0"].unique().map(list).to_dict()
    expected = {f"site-a/{name}@1": [FAMILIES.index(catalogue.shift_info(name).family) / 8] for name in names}
    assert said == {"site-a/val": [1.0], "site-a": [1.0], "site-b": [1.0], "site-c": [1.0], **expected}
    assert json.loads((made.folder / "card.json").read_text())["baseline"]["name"] == "tells"


def test_what_is_no_predictor_is_refused():
    broken = shifted.LeaveOneFamilyOut(Constant(1.0), {"noise": 3})
    with pytest.raises(MedshiftError, match="returned a int, not a predictor"):
        predictor.for_condition(broken, Condition("a", "synthesized", "speckle", 1, "noise"))
    own = predictor.for_condition(broken, Condition("a", "synthesized", "acme-motion", 1, "plug-in"))
    assert own is broken.whole
    assert predictor.for_condition(broken, Condition("a", "real")) is broken


def access(tmp_path, modality="any"):
    dataset = manifest.read_manifest(folder(tmp_path / "set"), modality=modality)
    terms, table = plan.plan(dataset, Choices())
    device = torch.device("cpu")
    return grant(dataset, table, terms.source, terms.targets, "source", 0, device, "x", lambda line: None)


def test_each_model_is_trained_with_all_families_but_its_own(tmp_path, monkeypatch):
    trained = []

    def remember(access, recipe, start, loss):
        trained.append(loss.shifts)
        return torch.nn.Identity()

    monkeypatch.setattr(acquisition_augment, "timm_network", remember)
    told = access(tmp_path, "mr")
    made = acquisition_augment.AcquisitionAugment().fit(told)
    assert len(trained) == 5
    for family, shifts in zip(FAMILIES, trained[:4], strict=True):
        seen = {catalogue.shift_info(shift).family for shift in shifts}
        assert seen == set(FAMILIES) - {family}
    assert set(trained[4]) == set(catalogue.shifts_for_modality("mr", channels=1))
    assert len({id(made.leaving_out(family)) for family in FAMILIES} | {id(made.whole)}) == 5


def test_images_are_shifted_as_the_shifts_do_it(tmp_path):
    told = access(tmp_path)
    images = told.train.batch(slice(0, 40))
    given = images.clone()
    loss = shifted.ShiftAugmentedLoss(["gamma", "psf-blur"], 0.5, 3)
    out = loss.changed(images, torch.Generator().manual_seed(0))
    assert torch.equal(images, given)
    assert torch.equal(out, loss.changed(images, torch.Generator().manual_seed(0)))
    changed = (out != images).flatten(1).any(1)
    assert 10 <= int(changed.sum()) <= 30
    every = [apply_shift(shift, images, level, [""] * 40, 0) for shift in ("gamma", "psf-blur") for level in (1, 2, 3)]
    blurred = torch.stack(every[3:])  # a blur draws nothing
    same = (blurred == out).flatten(2).all(2)
    assert same.any(1).all()  # every severity is there
    assert 3 <= int(same.any(0).sum()) < int(changed.sum())
    assert torch.equal(shifted.ShiftAugmentedLoss(["gamma"], 0.0, 3).changed(images, torch.Generator()), images)


def test_families_that_do_not_exist_are_refused():
    with pytest.raises(MedshiftError, match="families must be some of contrast"):
        registry.make_baseline("acquisition-augment", ["families=noise+nose"])
    made = registry.make_baseline("acquisition-augment", ["families=noise+contrast"])
    assert registry.config(made)["families"] == "noise+contrast"  # and so in the card
