"""Volumes from end to end: a MONAI network, shifts between slices, and test-time methods on the same source model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from medshift.baselines.generalisation.tta import Tta
from medshift.baselines.networks.volumes import SETTINGS, VolumeNetwork
from medshift.baselines.scratch.scratch import Scratch
from medshift.baselines.test_time.adabn import AdaBN
from medshift.baselines.test_time.sar import Sar
from medshift.benchmark.cli.main import app
from medshift.benchmark.contract import registry
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets import catalogue as datasets
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.datasets.images import Labelled
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices, plan
from medshift.benchmark.runs.run import Job, RunProgress, run
from medshift.shifts.errors import MedshiftError

SHIFTS = ("slice-thickness", "gamma")
SHAPE = (10, 12, 12)  # as few slices as `slice-thickness` takes


def load(progress=None) -> Dataset:
    """Returns 56 small grey volumes of two sites, in half of them a brighter block; the second site is darker."""
    rng = np.random.default_rng(3)
    rows, volumes = [], []
    for place, (domain, count) in enumerate({"site-a": 40, "site-b": 16}.items()):
        for index in range(count):
            label = index // 2 % 2
            volume = rng.uniform(0.2, 0.5, (1, *SHAPE))
            volume[:, 1:4, 3:9, 4:12] += 0.4 * label
            volumes.append((volume * (1 - 0.2 * place) * 255).astype(np.uint8))
            rows.append((f"{domain}-{index:02d}", label, domain, f"{domain}-p{index // 2}"))
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"])
    return Dataset("tiny-volumes", "1", ("no", "yes"), "any", table, np.stack(volumes))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def told(monkeypatch, home):
    """A function that runs a baseline as a job on the volumes and returns its folder and what it said."""
    monkeypatch.setenv("MEDSHIFT_HOME", str(home))
    dataset = load()
    terms, table = plan(dataset, Choices(source="site-a", shifts=SHIFTS, severities=(1, 5)))

    def make(name, baseline, out):
        write_protocol(terms, table, out / terms.name)
        said = []
        job = Job(dataset, terms, table, name, registry.for_dims(baseline, 3), 0, out)
        run(job, torch.device("cpu"), RunProgress(line=said.append))
        return job.folder, said

    return make


def test_scratch_runs_on_volumes_and_gives_the_same_bytes_twice(tmp_path, monkeypatch, told, home):
    folder, _ = told("scratch", Scratch(steps=12, batch_size=8), tmp_path / "job")
    monkeypatch.setitem(datasets.TABLE.builtins, "tiny-volumes", f"{__name__}:load")
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))  # so that it is trained again
    words = ["run", "--baseline", "scratch", "--dataset", "tiny-volumes", "--source", "site-a"]
    words += ["--shifts", ",".join(SHIFTS), "--severities", "1,5", "--set", "steps=12", "--set", "batch_size=8"]
    words += ["--out", str(tmp_path / "out"), "--threads", str(torch.get_num_threads())]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (card,) = (tmp_path / "out").rglob("card.json")
    assert (card.parent / "predictions.parquet").read_bytes() == (folder / "predictions.parquet").read_bytes()
    made = json.loads(card.read_text())
    assert made["baseline"]["config"]["arch"] == "monai-resnet10-narrow"  # the card says what was run
    assert made["entry"] == "scratch+arch=monai-resnet10-narrow+batch_size=8+steps=12"
    rows = pd.read_parquet(card.parent / "predictions.parquet")
    assert {f"site-a/{shift}@{severity}" for shift in SHIFTS for severity in (1, 5)} < set(rows["condition"])
    probabilities = rows.pivot(index="sample_id", columns="condition", values="p1")
    assert (probabilities["site-a"] - probabilities["site-a/slice-thickness@5"]).abs().max() > 1e-4


def test_test_time_methods_on_volumes_share_scratchs_model(tmp_path, told, home):
    told("scratch", Scratch(steps=12, batch_size=8), tmp_path)
    models = set((home / "models").iterdir())
    for name, kind in (("adabn", AdaBN), ("sar", Sar), ("tta", Tta)):
        folder, said = told(name, kind(steps=12, batch_size=8), tmp_path)
        assert any("loaded from cache" in line for line in said), name
        rows = pd.read_parquet(folder / "predictions.parquet")
        assert np.isfinite(rows[["p0", "p1"]].to_numpy()).all()
    assert set((home / "models").iterdir()) == models


ON_VOLUMES = {"adabn", "lame", "random-init", "sar", "scratch", "t3a", "tent", "tta"}


@pytest.mark.parametrize("name", sorted(set(registry.BUILTINS) - ON_VOLUMES))
def test_what_takes_flat_images_says_so(name):
    dataset = load()
    few = Labelled(dataset.pixels[:8], None, dataset.table["label"].to_numpy()[:8])
    told = Access(("no", "yes"), 1, SHAPE, few, few, {"t": few}, 0, torch.device("cpu"), "x", lambda line: None)
    with pytest.raises(MedshiftError, match=r"takes? 2-D images; these are 3-D"):
        registry.for_dims(registry.make_baseline(name, []), 3).fit(told)


@pytest.mark.parametrize("arch", [name for name in SETTINGS if name != "monai-resnet10"])
def test_features_and_last_layer_make_the_prediction(arch):
    network = VolumeNetwork(arch, 3, 2, 32).eval()
    volumes = torch.rand(2, 2, 32, 16, 20, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = network(volumes)
        assert logits.shape == (2, 3)
        assert torch.equal(network.head(network.features(volumes)), logits)
    assert network.prepared(volumes).shape == (2, 2, 32, 32, 32)
    assert float(network.prepared(volumes).min()) < -0.9


def test_slices_that_shrink_are_averaged_in_plane_only():
    volumes = torch.zeros(2, 2, 3, 64, 64)
    volumes[..., ::4] = volumes[..., 3::4] = 1  # between its neighbours alone, each new voxel would be 0
    volumes[:, :, 1] = 0.25
    found = (VolumeNetwork("monai-resnet10-narrow", 2, 2, 16).prepared(volumes) + 1) / 2
    assert found.shape == (2, 2, 3, 16, 16)
    assert torch.allclose(found[:, :, 0, :, 1:-1], torch.tensor(0.5), atol=1e-5)
    assert torch.allclose(found[:, :, 1], torch.tensor(0.25), atol=1e-5)
