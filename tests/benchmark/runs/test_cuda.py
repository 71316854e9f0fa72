"""On a GPU: every baseline keeps its contract there, and a network says there what it says on the CPU."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.baselines.pretrained import packaged
from medshift.benchmark.cli.main import app
from medshift.benchmark.contract import registry
from medshift.benchmark.contract.checks import check_baseline
from medshift.benchmark.runs import environment

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.usefixtures("home"),
]


@pytest.fixture
def device():
    return environment.prepare("cuda", 0)


@pytest.mark.parametrize("name", sorted(registry.BUILTINS))
def test_every_baseline_keeps_the_contract_on_a_gpu(device, name):
    assert check_baseline(name, device=device) == []


def test_a_network_predicts_as_on_the_cpu(device):
    network = timm.create_model(packaged.PACKAGED).eval()
    images = torch.rand(16, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        here = network(images).softmax(1)
        there = copy.deepcopy(network).to(device)(images.to(device)).softmax(1).cpu()
    assert float((here - there).abs().max()) < 1e-5


def test_a_run_gives_the_same_bytes_again(tmp_path, monkeypatch):
    data, made = folder(tmp_path / "set"), []
    for name in ("one", "other"):
        monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / f"home-{name}"))  # the model is trained again
        words = ["run", "--baseline", "tent", "--data", str(data), "--set", "steps=8", "--severities", "5"]
        done = CliRunner().invoke(app, [*words, "--device", "cuda", "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        made.append(next((tmp_path / name).rglob("predictions.parquet")).read_bytes())
    assert made[0] == made[1]
