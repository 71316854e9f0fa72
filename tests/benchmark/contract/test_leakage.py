"""Baselines that pry: what they are handed leads to no label of a target and no test image, and no state survives.

Python hides nothing from code in its own process: a baseline may look at its callers' frames or read data from disk.
What is handed over leads nowhere, and what is remembered past a condition is found out; more needs another process.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.images.image_folders import folder
from helpers.secrets_search import CHOICES, Secrets, reachable, secrets

from medshift.benchmark.contract import access, grants, registry
from medshift.benchmark.contract.checks import check_baseline
from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.images import Images
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.runs import run
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two classes, in an order that is no pattern, so that a run of labels tells whose it is."""
    where = folder(tmp_path_factory.mktemp("data") / "set", {"site-a": 120, "site-b": 64})
    table = pd.read_csv(where / "manifest.csv")
    table["label"] = np.where(np.random.default_rng(5).random(len(table)) < 0.5, "healthy", "sick")
    table.to_csv(where / "manifest.csv", index=False)
    return where


def job(where: Path, out: Path, baseline, name="pries"):
    dataset = manifest.read_manifest(where)
    terms, table = plan.plan(dataset, CHOICES)
    write_protocol(terms, table, out / terms.name)
    return run.Job(dataset, terms, table, name, baseline, 0, out)


class Even:
    """A predictor that knows nothing, and keeps what it was shown."""

    shown: ClassVar[list[tuple[int, int]]] = []

    def __call__(self, images):
        Even.shown.append((images.untyped_storage().nbytes(), images.nbytes))
        return torch.full((len(images), 2), 0.5)


@dataclass(frozen=True)
class Pries:
    """A baseline that walks through all that it was handed."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    found: ClassVar[list[object]] = []

    def fit(self, access):
        Pries.found[:] = reachable(access, whole=False)
        return Even()


class PriesAdapt(Pries):
    sees: ClassVar[str] = "target-unlabelled"


class PriesTest(Pries):
    sees: ClassVar[str] = "test-batches"


@pytest.mark.parametrize("in_memory", [grants.IN_MEMORY, 0], ids=["copies in memory", "copies in files"])
@pytest.mark.parametrize("kind", [Pries, PriesAdapt, PriesTest])
def test_what_fit_is_handed_leads_to_no_secret(tmp_path, home, data, kind, in_memory, monkeypatch):
    monkeypatch.setattr(grants, "IN_MEMORY", in_memory)
    monkeypatch.setitem(registry.TABLE.builtins, "pries", f"{__name__}:{kind.__name__}")
    made = job(data, tmp_path, kind())
    hidden = secrets(made.dataset, made.table, kind.sees)
    everything = [made.dataset.pixels, made.dataset.table["label"], *made.table["sample_id"]]
    assert len(hidden.found(everything)) > 100  # the search finds what is there
    run.run(made, torch.device("cpu"), run.RunProgress())
    assert any(isinstance(item, np.memmap) for item in kind.found) == (in_memory == 0)
    assert hidden.found(kind.found) == []
    assert all(whole == shown for whole, shown in Even.shown)  # nothing lies behind the batches that are predicted
    train = made.table[(made.table["domain"] == "site-a") & (made.table["split"] == "train")]
    seen = Secrets(tuple(made.dataset.pixels[row].tobytes() for row in train["row"]), (), frozenset())
    assert len(seen.found(kind.found)) == len(train)  # and the walk came to what may be seen


@dataclass(frozen=True)
class Peeks(PriesAdapt):
    """A baseline that looks at what order the images of the targets are in."""

    def fit(self, access):
        Peeks.found[:] = [access.content, *access.targets["site-b"].pixels], [*access.targets["site-b"].groups]
        return Even()


def test_neither_the_order_of_targets_images_nor_their_groups_tell_the_class(tmp_path, home, data, monkeypatch):
    made = job(sorted_by_class(data, tmp_path / "sorted"), tmp_path, Peeks())
    rows = made.table[(made.table["domain"] == "site-b") & (made.table["split"] == "adapt")].reset_index()
    assert rows["label"].is_monotonic_increasing  # as a folder for each class is read
    label_of = {
        made.dataset.pixels[row].tobytes(): label for row, label in zip(rows["row"], rows["label"], strict=True)
    }
    monkeypatch.setitem(registry.TABLE.builtins, "pries", f"{__name__}:Peeks")
    run.run(made, torch.device("cpu"), run.RunProgress())
    (content, *pixels), groups = Peeks.found
    shown = np.array([label_of[each.tobytes()] for each in pixels])
    assert sorted(shown) == sorted(rows["label"])
    assert (shown[1:] != shown[:-1]).sum() > len(shown) // 4  # half of them, by chance
    guessed = [hashlib.blake2b(f"{content}\x1f{name}".encode(), digest_size=8).digest() for name in rows["group"]]
    guessed += [hashlib.blake2b(name.encode(), key=content.encode(), digest_size=8).digest() for name in rows["group"]]
    assert not {int.from_bytes(each, "big") >> 1 for each in guessed} & set(groups)
    assert len(set(groups)) == rows["group"].nunique()


def sorted_by_class(data, where):
    shutil.copytree(data, where)
    table = pd.read_csv(where / "manifest.csv")
    place = table.groupby("domain")["image"].rank(pct=True)  # as names of folders that are classes have them
    table["label"] = np.where(place <= 0.5, "healthy", "sick")
    table.to_csv(where / "manifest.csv", index=False)
    return where


def test_views_of_the_data_would_be_found(data, monkeypatch):
    dataset = manifest.read_manifest(data)
    _, table = plan.plan(dataset, CHOICES)
    monkeypatch.setattr(grants, "read_rows", lambda pixels, rows: pixels[: len(rows)])
    leaking = access.grant(dataset, table, "site-a", (), "source", 0, torch.device("cpu"), "x", print)
    assert secrets(dataset, table, "source").found(reachable(leaking, whole=False))


SPY = """
import json, os, sys
from dataclasses import dataclass
from typing import ClassVar
import torch

class Even:
    def __call__(self, images):
        return torch.full((len(images), 2), 0.5)

@dataclass(frozen=True)
class Spy:
    "Walks through the whole process from what it was handed, modules and globals too."
    sees: ClassVar[str] = "target-unlabelled"
    paper: ClassVar[str] = "none"

    def fit(self, access):
        sys.path.insert(0, os.environ["SPY_TESTS"])
        from helpers import secrets_search
        items = secrets_search.reachable(access, whole=True)
        # the secrets are looked up only after the walk
        from medshift.benchmark.datasets.manifest import read_manifest
        from medshift.benchmark.protocols.plan import plan
        from pathlib import Path
        dataset = read_manifest(Path(os.environ["SPY_DATA"]))
        terms, table = plan(dataset, secrets_search.CHOICES)
        found = secrets_search.secrets(dataset, table, self.sees).found(items)
        row = int(table.loc[(table["domain"] == "site-a") & (table["split"] == "train"), "row"].iloc[0])
        allowed = secrets_search.Secrets((dataset.pixels[row].tobytes(),), (), frozenset(["cbr-tiny"])).found(items)
        modules = sum(type(item) is type(sys) for item in items)
        Path("spied.json").write_text(json.dumps({"found": found, "allowed": allowed, "modules": modules}))
        return Even()
"""


@pytest.mark.slow
def test_nor_do_the_modules_of_a_real_run_lead_to_one(tmp_path, data):
    (tmp_path / "spy.py").write_text(SPY)
    words = [sys.executable, "-m", "medshift.benchmark.cli", "run", "--baseline", "spy:Spy", "--data", str(data)]
    words += ["--source", "site-a", "--shifts", "gamma", "--severities", "1,5", "--out", str(tmp_path / "out")]
    environment = {
        **os.environ,
        "MEDSHIFT_HOME": str(tmp_path / "home"),
        "SPY_TESTS": str(Path(__file__).parents[2]),
        "SPY_DATA": str(data),
    }
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "spied.json").read_text())
    assert said["found"] == []
    assert said["modules"] > 500
    assert said["allowed"] == ["image 0", "cbr-tiny"]  # a training image, and a key of a table in a module


KEPT: list[int] = []


def remembering():
    """Returns a function whose closure counts."""
    count = itertools.count()
    return lambda: next(count)


@dataclass(frozen=True)
class Remembers:
    """A baseline whose predictions depend on how many batches it saw before, kept in one of several places."""

    sees: ClassVar[str] = "test-batches"
    paper: ClassVar[str] = "none"
    where: str = "object"

    def fit(self, access):
        return Counts(self.where)


class Counts:
    many: ClassVar[list[int]] = []

    def __init__(self, where):
        self.where, self.mine, self.closure = where, [], remembering()

    def __call__(self, images, given=[]):  # noqa: B006  # the fault that is meant
        if self.where == "closure":
            count = self.closure()
        elif self.where == "generator":
            count = int(torch.randint(100, ()))
        else:
            kept = {"object": self.mine, "class": Counts.many, "module": KEPT, "default": given}[self.where]
            kept.append(len(images))
            count = len(kept)
        sure = torch.tensor(1 / (2 + count))
        return torch.stack([sure, 1 - sure]).expand(len(images), 2)


@pytest.fixture(autouse=True)
def afresh():
    KEPT.clear()
    Counts.many.clear()
    Even.shown.clear()
    Counts.__call__.__defaults__[0].clear()


@pytest.mark.parametrize("where", ["closure", "class", "module", "default", "generator"])
def test_what_is_kept_beside_the_predictor_stops_the_run(tmp_path, data, monkeypatch, where):
    monkeypatch.setitem(registry.TABLE.builtins, "pries", f"{__name__}:Remembers")
    torch.manual_seed(0)
    made = job(data, tmp_path, Remembers(where))
    for _ in range(2):  # a second run does not make a submission of what the first left
        with pytest.raises(MedshiftError, match="state of one condition reaches another"):
            run.run(made, torch.device("cpu"), run.RunProgress())
    assert not list(tmp_path.rglob("card.json"))
    assert not list(tmp_path.rglob("*.npy"))
    assert any(
        "state of one copy of the predictor reaches another" in line
        for line in check_baseline("pries", [f"where={where}"])
    )


def test_what_is_kept_in_the_predictor_is_forgotten(tmp_path, data, monkeypatch):
    monkeypatch.setitem(registry.TABLE.builtins, "pries", f"{__name__}:Remembers")
    made = job(data, tmp_path, Remembers("object"))
    run.run(made, torch.device("cpu"), run.RunProgress())
    rows = pd.read_parquet(made.folder / "predictions.parquet")
    assert rows["p0"].round(6).nunique() == 1  # every condition fits into one batch, and none knows of the others
    assert check_baseline("pries", ["where=object"]) == []


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_reading_a_batch_leaves_the_stored_pixels_alone(kind):
    stored = np.arange(2 * 64, dtype=kind).reshape(2, 1, 8, 8)
    images = Images(stored.copy(), (0.0, 128.0))
    for index in (slice(None), [0, 1]):
        first = images.batch(index)
        assert torch.equal(images.batch(index), first)
        assert float(first.max()) == pytest.approx(127 / 128)
    assert np.array_equal(images.pixels, stored)
