"""Image towers of open_clip as networks: held against a small module with open_clip's functions, and itself if here."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from medshift.baselines.networks.initial_weights import load_all, stages
from medshift.baselines.networks.network import Network
from medshift.shifts.errors import MedshiftError


class Tower(nn.Module):
    output_dim, patch_size = 8, (16, 16)

    def __init__(self, side):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.randn((side // 16) ** 2, 4))
        self.conv1 = nn.Conv2d(3, 4, 16, stride=16)
        self.proj = nn.Parameter(torch.randn(4, 8))

    def forward(self, images):
        patches = self.conv1(images).flatten(2).transpose(1, 2) + self.positional_embedding
        return patches.mean(1) @ self.proj


@pytest.fixture
def made(monkeypatch):
    calls = []
    module = ModuleType("open_clip")

    def create_model(name, device, force_image_size=32, **options):
        calls.append((name, force_image_size, options))
        torch.manual_seed(len(options))
        return SimpleNamespace(visual=Tower(force_image_size))

    module.create_model = create_model
    module.get_model_preprocess_cfg = lambda model: {"size": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    module.list_models = lambda: ["ViT-B-32", "RN50"]
    module.list_pretrained_tags_by_model = lambda name: ["openai", "laion2b_e16"] if name == "ViT-B-32" else ["openai"]
    monkeypatch.setitem(sys.modules, "open_clip", module)
    return calls


def test_a_tower_starts_from_its_weights_at_the_size_of_the_images(made):
    network = Network("open_clip:ViT-B-32:laion2b_e16", 2, 1, 64, load_all, {"img_size": 64}).eval()
    assert made[-1] == ("ViT-B-32", 64, {"pretrained": "laion2b_e16", "require_pretrained": True})
    torch.manual_seed(2)
    assert torch.equal(network.body.tower.proj, Tower(64).proj)
    assert network.starts_from.pretraining == "LAION-2B"
    images = torch.rand(3, 1, 64, 64)
    torch.testing.assert_close(network.head(network.features(images)), network(images))
    assert network.head.weight.shape == (2, 8)
    assert stages(network.body) == [("tower.conv1", "tower.positional_embedding")]


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("open_clip:ViT-B-3", "open_clip has no model 'ViT-B-3'. Did you mean 'ViT-B-32'"),
        ("open_clip:ViT-B-32", "open_clip has several weights of ViT-B-32: choose open_clip:ViT-B-32:openai or"),
        ("open_clip:ViT-B-32:laion", "open_clip has no weights 'laion' of ViT-B-32: choose"),
        ("open_clip:local-dir:nowhere", "arch=open_clip:local-dir:FOLDER takes a folder with open_clip_config.json"),
    ],
)
@pytest.mark.usefixtures("made")
def test_a_name_that_open_clip_does_not_know_is_told_with_what_to_choose(arch, message):
    with pytest.raises(MedshiftError) as error:
        Network(arch, 2, 1, 64, load_all, {"img_size": 64})
    assert message in str(error.value)


def test_without_open_clip_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MedshiftError, match=r"needs open_clip: pip install 'medshift\[clip\]'"):
        Network("open_clip:RN50", 2, 1, 64, None)


def test_open_clip_itself_gives_a_tower():
    open_clip = pytest.importorskip("open_clip")
    assert "ViT-B-32" in open_clip.list_models()
    network = Network("open_clip:ViT-B-32", 2, 1, 64, None, {"img_size": 64})
    assert network(torch.rand(1, 1, 64, 64)).shape == (1, 2)
