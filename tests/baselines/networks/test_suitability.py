"""Architectures are asked whether they take the images and suit the method, before anything is loaded or trained."""

from __future__ import annotations

import dataclasses
import json

import pytest
import timm
import torch
from helpers.images.bright_squares import access
from safetensors.torch import save_file

from medshift.baselines.adaptation.joint_norm import JointNorm
from medshift.baselines.common import source_model, training
from medshift.baselines.common.recipe import TimmRecipe
from medshift.baselines.generalisation.mixstyle import Mixstyle
from medshift.baselines.networks import architectures, suitability
from medshift.baselines.networks.network import Network
from medshift.baselines.scratch.scratch import Scratch
from medshift.baselines.test_time.adabn import AdaBN
from medshift.baselines.test_time.sar import Sar
from medshift.baselines.test_time.tent import Tent
from medshift.baselines.transfer.imagenet_finetune import ImagenetFinetune
from medshift.baselines.transfer.linear_probe import BnOnly, LinearProbe
from medshift.benchmark.contract import registry
from medshift.shifts.errors import MedshiftError


@pytest.fixture(autouse=True)
def _nothing_is_loaded_or_trained(monkeypatch):
    def fails(*words, **named):
        raise AssertionError("too late")

    monkeypatch.setattr(training, "train", fails)
    monkeypatch.setattr("medshift.baselines.networks.network.imagenet_weights", fails)


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.mark.parametrize(
    ("arch", "side", "native"),
    [
        ("efficientformer_l1", 64, 224),
        ("inception_v3", 64, 299),  # not of one size, but of a least one: too deep for these images
        ("dla34", 100, 224),  # of a multiple
    ],
)
def test_a_network_that_does_not_take_the_images_names_the_size_that_it_takes(arch, side, native):
    with pytest.raises(MedshiftError) as error:
        Scratch(arch=arch).fit(access(side=side))
    wanted = f"{arch} does not take images of {side} x {side}: --set input_size={native}, the size it was made for"
    assert str(error.value) == wanted
    assert suitability.sizing(access(side=side), arch, native) == {}  # the advice helps


@pytest.mark.parametrize(
    ("arch", "side", "chosen", "own"),
    [
        ("vit_tiny_patch16_224", 64, 0, 224),
        ("vit_tiny_patch16_224", 96, 0, 224),
        ("vit_tiny_patch16_224", 32, 96, 224),
        ("swin_tiny_patch4_window7_224", 64, 0, 224),
        ("beit_base_patch16_224", 32, 96, 224),
        ("vit_small_patch14_dinov2", 70, 0, 518),
        ("test_maxvit", 64, 0, 160),
    ],
)
def test_a_transformer_is_made_for_the_size_of_the_images_or_the_one_chosen(arch, side, chosen, own):
    given, size = access(side=side), chosen or side
    assert suitability.sizing(given, arch, chosen) == {"img_size": size}
    assert given.report.__self__ == [f"{arch}: made by timm for images of {size}, not for its own size of {own}"]


@pytest.mark.parametrize(
    ("arch", "side", "message"),
    [
        (
            "vit_small_patch14_dinov2",
            64,
            "patches of 14 pixels, which do not divide 64: --set input_size=56 or --set input_size=70",
        ),
        (
            "vit_tiny_patch16_224",
            100,
            "patches of 16 pixels, which do not divide 100: --set input_size=96 or --set input_size=112",
        ),
    ],
)
def test_a_size_whose_border_patches_would_drop_is_refused_with_the_nearest_that_fit(arch, side, message):
    with pytest.raises(MedshiftError) as error:
        Scratch(arch=arch).fit(access(side=side))
    assert str(error.value) == f"{arch} cuts images into {message}"
    assert suitability.sizing(access(side=side), arch, int(message.rpartition("=")[2]))  # the advice helps


@pytest.mark.parametrize(
    ("shape", "chosen", "size"),
    [
        ((64, 128), 0, (64, 128)),
        ((300, 200), 0, (300, 200)),
        ((48, 33), 0, (93, 64)),
        ((32, 32), 0, (64, 64)),
        ((300, 200), 96, (96, 96)),
    ],
)
def test_images_keep_their_shape_unless_a_size_is_chosen(shape, chosen, size):
    network = Network("test_resnet", 2, 1, chosen, None)
    assert network.prepared(torch.zeros(1, 1, *shape)).shape == (1, 3, *size)


def test_a_network_that_does_not_take_the_shape_of_the_images_says_so():
    given = dataclasses.replace(access(), spatial=(32, 64))
    assert suitability.sizing(given, "vit_tiny_patch16_224", 0) == {"img_size": (64, 128)}
    assert given.report.__self__ == [
        "vit_tiny_patch16_224: made by timm for images of 64 x 128, not for its own size of 224"
    ]
    with pytest.raises(MedshiftError) as error:
        suitability.sizing(given, "efficientformer_l1", 0)
    assert str(error.value) == (
        "efficientformer_l1 does not take images of 64 x 128: --set input_size=224, the size it was made for, to which "
        "they are stretched"
    )
    with pytest.raises(MedshiftError, match="patches of 16 pixels, which do not divide 100: --set input_size=96 or"):
        suitability.sizing(dataclasses.replace(given, spatial=(64, 100)), "vit_tiny_patch16_224", 0)


def test_images_that_shrink_are_averaged_and_those_that_grow_are_what_they_were():
    network = Network("test_resnet", 2, 1, 64, None)

    def taken(images):
        return (network.prepared(images) * network.std + network.mean)[:, :1]

    stripes = torch.zeros(1, 1, 256, 256)
    stripes[..., ::4] = stripes[..., 3::4] = 1  # between its four neighbours, each new pixel would be 0
    assert torch.allclose(taken(stripes)[..., 1:-1], torch.tensor(0.5), atol=1e-5)
    noise = 0.5 + 0.1 * torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    assert float(taken(noise).std()) < 0.025  # that of the mean over 16 pixels
    assert torch.equal(taken(noise)[:1], taken(noise[:1]))
    small = noise[..., :48, :48]
    plain = torch.nn.functional.interpolate(small, (64, 64), mode="bilinear", align_corners=False)
    assert torch.equal(network.prepared(small), (plain.expand(-1, 3, -1, -1) - network.mean) / network.std)


@pytest.mark.parametrize("kind", [ImagenetFinetune, LinearProbe])
@pytest.mark.parametrize("size", [-5, 31, 2049])
def test_a_size_out_of_range_is_refused_at_once(kind, size):
    with pytest.raises(ValueError, match="input_size must be 0 or 32 to 2048"):
        kind(input_size=size)


def test_a_size_that_timm_cannot_give_is_refused():
    with pytest.raises(
        MedshiftError, match=r"efficientformer_l1 does not take images of 96 x 96: --set input_size=224"
    ):
        suitability.sizing(access(), "efficientformer_l1", 96)


def test_a_network_of_another_size_predicts_and_takes_resampled_weights(monkeypatch, tmp_path):
    where = stored(tmp_path, "test_vit", img_size=160)
    monkeypatch.undo()
    network = Network(where, 2, 1, 96, networks_load_all, {"img_size": 96})
    assert network(torch.zeros(1, 1, 32, 32)).shape == (1, 2)


@pytest.mark.parametrize("arch", ["resnet18", "convnext_atto", "vgg11", "test_vit"])
def test_what_fits_as_it_is_stays_as_it_is(arch):
    given = access(side=64)
    before = torch.random.get_rng_state()
    assert suitability.sizing(given, arch, 0, suitability.features_for("t3a")) == {}
    assert given.report.__self__ == []
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (
            Tent(arch="test_nfnet"),
            "tent learns gains and offsets of norms, and test_nfnet has none: .* or convnext_atto",
        ),
        (Sar(arch="test_nfnet"), "sar learns gains and offsets of norms, and test_nfnet has none: .* or convnext_atto"),
        (AdaBN(arch="convnext_atto"), "adabn changes batch norms, and convnext_atto has none"),
        (BnOnly(arch="test_nfnet"), "bn-only trains norms, and test_nfnet has none: .* or linear-probe"),
        (Mixstyle(arch="test_vit"), "mixstyle needs feature maps .*: choose a convolutional arch"),
        (Mixstyle(arch="swin_tiny_patch4_window7_224", input_size=224), "mixstyle needs feature maps"),  # channels last
        (Mixstyle(arch="test_resnet", layers=9), "has 4 stages, not 9: set layers lower"),
        (Mixstyle(arch="hrnet_w18_small"), "mixstyle needs feature maps"),  # whose stages are not modules
        (Mixstyle(arch="pit_ti_224", input_size=224), "mixstyle needs feature maps"),  # whose stages return tuples
        (Mixstyle(arch="test_resnet", layers=4, input_size=32), "maps of one pixel have no contrast: set layers lower"),
    ],
    ids=lambda value: f"{type(value).__name__}-{value.arch}" if isinstance(value, TimmRecipe | LinearProbe) else "",
)
def test_a_method_that_cannot_act_on_a_network_is_refused_first(baseline, message):
    with pytest.raises(MedshiftError, match=message):
        baseline.fit(access(side=64))


def test_joint_norms_without_batch_norms_name_what_they_would_be():
    given = access(side=64)
    targets = dataclasses.replace(given, targets={"b": given.val})
    with pytest.raises(
        MedshiftError, match=r"joint-norm changes batch norms, and convnext_atto has none: .* imagenet-fin"
    ):
        JointNorm(arch="convnext_atto").fit(targets)


def test_layer_norms_are_norms_to_bn_only():
    with pytest.raises(AssertionError, match="too late"):  # it goes on to the weights
        BnOnly(arch="test_convnext").fit(access(side=64))
    assert registry.BUILTINS["bn-only"].summary.startswith("Fine-tune only the norms and the last layer")


def networks_load_all(body, weights):
    body.load_state_dict(dict(weights), strict=True)


def stored(tmp_path, arch="test_resnet", seed=0, **settings):
    """Return the name of a folder with a network, as timm saves it."""
    torch.manual_seed(seed)
    made = timm.create_model(arch, num_classes=7, **settings)
    where = tmp_path / "network"
    where.mkdir(exist_ok=True)
    cfg = {
        key: value for key, value in made.pretrained_cfg.items() if key in ("input_size", "mean", "std", "classifier")
    }
    cfg |= {key: made.pretrained_cfg[key] for key in ("first_conv", "fixed_input_size") if key in made.pretrained_cfg}
    (where / "config.json").write_text(
        json.dumps({"architecture": arch, "num_classes": 7, "pretrained_cfg": cfg | {"num_classes": 7}})
    )
    save_file(made.state_dict(), where / "model.safetensors")
    return f"local-dir:{where}"


def test_a_folder_is_an_architecture_with_weights(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    arch = stored(tmp_path)
    given = access()
    network = source_model.timm_network(given, TimmRecipe(arch=arch, steps=2), "imagenet")
    assert network(torch.zeros(1, 1, 32, 32)).shape == (1, 2)
    told = given.report.__self__
    assert told[0].startswith("starts from local-dir:network (pretraining not stated), sha256 ")
    again = access()
    source_model.timm_network(again, TimmRecipe(arch=arch, steps=2), "imagenet")
    assert "loaded from cache" in again.report.__self__[-1]
    stored(tmp_path, seed=1)  # other weights of the same name
    other = access()
    source_model.timm_network(other, TimmRecipe(arch=arch, steps=2), "imagenet")
    assert other.report.__self__[0] != told[0]
    assert "step 2/2" in other.report.__self__[-1]  # trained, not taken from the cache


@pytest.mark.parametrize("kind", [ImagenetFinetune, LinearProbe])
def test_finished_conditions_of_other_weights_are_not_used(tmp_path, kind):
    baseline = kind(arch=stored(tmp_path))
    before = registry.code(baseline)
    assert registry.code(baseline) == before != ""
    stored(tmp_path, seed=1)
    assert registry.code(baseline) != before
    assert registry.code(kind(arch="resnet18")) == ""


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("local-dir:nowhere", "nowhere holds no network: arch=local-dir:FOLDER takes a folder with config.json"),
        (
            "hf-hub:timm/resnet18.a1_in1k",
            r"cannot load the network 'hf-hub:timm/resnet18.a1_in1k' .*download config.json and model.safetensors of "
            r"https://huggingface.co/timm/resnet18.a1_in1k elsewhere, .* and set arch=local-dir:FOLDER; or copy",
        ),
        ("hf-hub:", "cannot load the network 'hf-hub:'"),
        ("convnext_atto.fb_in22k", "timm has no weights 'fb_in22k' of convnext_atto: choose convnext_atto.d2_in1k"),
        ("convnext_tiny.in1k", "timm has no weights 'in1k' of convnext_tiny: choose .* or convnext_tiny.fb_in"),
        ("convnxt_atto", "timm has no architecture 'convnxt_atto'. Did you mean 'convnext_atto'"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_a_name_that_holds_no_network_is_told_in_one_line(arch, message):
    with pytest.raises(MedshiftError, match=message) as error:
        ImagenetFinetune(arch=arch).fit(access(side=64))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("spoilt", ["config.json", "model.safetensors"])
def test_a_folder_with_a_broken_file_is_told_in_one_line(monkeypatch, tmp_path, spoilt):
    arch = stored(tmp_path)
    (tmp_path / "network" / spoilt).write_text("{")
    monkeypatch.undo()
    with pytest.raises(MedshiftError, match=r"cannot load the (network|weights) (of )?'local-dir:.*\(\w+: ") as error:
        ImagenetFinetune(arch=arch).fit(access(side=64))
    assert "\n" not in str(error.value)
    assert len(architectures.files(arch)) == 2
