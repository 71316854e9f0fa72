"""Every baseline with an architecture runs on networks that are not ResNets, or refuses them before training."""

from __future__ import annotations

import dataclasses
import json

import pytest
import timm
import torch
from helpers.images.bright_squares import access
from torch import nn

from medshift.baselines.common import batches, source_model, target_batches
from medshift.baselines.generalisation import histogram_matching, tta
from medshift.baselines.generalisation.acquisition_augment import ShiftAugmentedLoss
from medshift.baselines.networks.initial_weights import stages
from medshift.baselines.networks.network import Network, parameter_groups, undecayed
from medshift.baselines.self_supervised import simsiam
from medshift.baselines.test_time.tent import TentPredictor
from medshift.benchmark.contract.registry import BUILTINS, load_baseline
from medshift.shifts.errors import MedshiftError

CHOSEN = sorted(
    name for name in BUILTINS if hasattr(load_baseline(name), "arch") and not name.startswith("cbr")
)  # all that take `arch`
REFUSED = {
    ("adabn", "test_convnext"): "adabn changes batch norms, and test_convnext has none: choose another arch",
    ("adabn", "test_vit"): "adabn changes batch norms, and test_vit has none",
    ("joint-norm", "test_convnext"): "or another baseline, such as imagenet-finetune, which it would be",
    ("joint-norm", "test_vit"): "or another baseline, such as imagenet-finetune, which it would be",
    ("mixstyle", "test_vit"): "mixstyle needs feature maps",
}
ARCHES = ("test_convnext", "test_vit", "conv-head")
# one of each kind that treats a network in its own way; the others train it as imagenet-finetune does
KINDS = ("bn-only", "coral", "imagenet-finetune", "imagenet-transfusion", "linear-probe", "mixstyle", "t3a", "tent")
CASES = [
    pytest.param(name, arch, marks=[] if name in KINDS or (name, arch) in REFUSED else [pytest.mark.slow])
    for name in CHOSEN
    for arch in ARCHES
]


@pytest.fixture(scope="module")
def conv_head(tmp_path_factory):
    """Describe a small network whose last layer is a convolution."""
    folder = tmp_path_factory.mktemp("conv-head")
    small = {"layers": [1, 1, 1, 1], "channels": [16, 16, 32, 32], "stem_chs": 8}
    (folder / "config.json").write_text(
        json.dumps({"architecture": "resnetv2_18", "pretrained_cfg": {}, "model_args": small})
    )
    return f"local-dir:{folder}"


def untrained(given, recipe, name, build, loss=None, learn=None, parts=()):
    """Take one batch in place of a training, and return the network."""
    network = build()
    if loss is not None and not isinstance(loss, ShiftAugmentedLoss):  # which only changes the images, slowly
        network.train()
        images = given.train.scaled(given.train.stored(torch.arange(4)), given.device)
        labels, weights = torch.tensor([0, 1, 0, 1]), torch.ones(2)
        cost = loss(network, images, labels, weights, torch.Generator().manual_seed(0))
        cost.backward()
        assert torch.isfinite(cost)
    return network.eval()


@pytest.fixture
def _no_training(monkeypatch, any_weights):
    monkeypatch.setattr(source_model, "source_network", untrained)
    monkeypatch.setattr(histogram_matching, "source_network", untrained)


@pytest.mark.parametrize(("name", "arch"), CASES)
@pytest.mark.usefixtures("_no_training")
def test_a_baseline_predicts_with_a_network_or_refuses_it(name, arch, conv_head):
    given, kind = access(side=64, count=8), load_baseline(name)
    if kind.sees == "target-unlabelled":
        given = dataclasses.replace(given, targets={"b": given.val})
    method = kind(arch=conv_head if arch == "conv-head" else arch)
    if (name, arch) in REFUSED:
        with pytest.raises(MedshiftError, match=REFUSED[name, arch]):
            method.fit(given)
        return
    probabilities = method.fit(given)(torch.rand(4, 1, 64, 64))
    assert probabilities.shape == (4, 2)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(4))


@pytest.mark.parametrize("name", ["dla34", "caformer_s18", "levit_128s"])  # a convolution, a perceptron, two layers
def test_the_last_layer_is_linear_and_gives_the_outputs_from_the_features(name):
    with torch.device("meta"):
        network = Network(name, 3, 1, 224, None).eval()
        images = torch.zeros(2, 1, 64, 64)
        features = network.features(images)
        assert type(network.head) is nn.Linear
        assert network.head(features).shape == network(images).shape == (2, 3)
        assert features.shape == (2, network.head.in_features)


def test_the_outputs_are_the_last_layer_of_the_features_for_a_convolution(conv_head):
    network = Network(conv_head, 3, 1, 0, None).eval()
    images = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(network.head(network.features(images)), network(images))


@pytest.mark.usefixtures("_no_training")
@pytest.mark.parametrize("name", ["tent", "sar"])
def test_layer_norms_and_nothing_else_learn_where_there_are_no_batch_norms(name):
    given = access(side=64)
    settings = {"margin": 1.0, "frozen": 0.0} if name == "sar" else {}
    predictor = load_baseline(name)(arch="test_convnext", test_lr=0.01 if name == "tent" else 1.0, **settings).fit(
        given
    )
    count = sum(isinstance(module, nn.LayerNorm) for module in predictor.network.modules())
    assert given.report.__self__ == [f"{name}: test_convnext has no batch norms that learn; its {count} layer norms do"]
    before = {key: value.clone() for key, value in predictor.network.state_dict().items()}
    predictor(torch.rand(32, 1, 64, 64))
    moved = {key for key, value in predictor.network.state_dict().items() if not torch.equal(value, before[key])}
    norms = {
        f"{key}.{own}"
        for key, module in predictor.network.named_modules()
        if isinstance(module, nn.LayerNorm)
        for own in ("weight", "bias")
    }
    assert moved <= norms
    assert len(moved) > len(norms) / 2


def test_batch_norms_alone_learn_where_a_network_has_both_kinds():
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(4, 2))
    learnt = [group["params"] for group in TentPredictor(network, 0.1).optimiser.param_groups]
    assert learnt == [[network[1].weight, network[1].bias]]


def test_positions_and_class_tokens_are_in_the_first_stage_and_the_last_norm_in_the_last():
    found = stages(timm.create_model("test_vit"))
    assert found[0] == ("patch_embed", "cls_token", "pos_embed")
    assert found[-1] == ("blocks.5", "norm")
    assert stages(timm.create_model("test_vit", num_classes=0)) == found  # no block is taken for a head


@pytest.mark.parametrize("name", ["coral", "cdan", "fda", "joint-norm", "mcc", "ssl-target", "swad", "tta"])
@pytest.mark.parametrize("mirror", [True, False])
def test_whether_images_are_mirrored_reaches_all_that_a_method_draws(name, mirror, monkeypatch, home, any_weights):
    asked, augment = [], batches.augment

    def noting(made):
        def noted(*given, mirror=True):
            asked.append(mirror)
            return made(*given, mirror=mirror)

        return noted

    for module in (batches, target_batches):
        monkeypatch.setattr(module, "augment", noting(augment))
    monkeypatch.setattr(simsiam, "random_view", noting(simsiam.random_view))
    monkeypatch.setattr(tta, "views", noting(tta.views))
    given, kind = access(count=8), load_baseline(name)
    if kind.sees == "target-unlabelled":
        given = dataclasses.replace(given, targets={"b": given.val})
    more = {"pretrain_steps": 1, "pretrain_batch": 8} if name == "ssl-target" else {}
    settings = {"arch": "test_resnet", "steps": 2, "batch_size": 8, "mirror": mirror, **more}
    kind(**settings).fit(given)(given.val.batch(slice(None)))
    assert set(asked) == {mirror}
    assert len(asked) >= 3  # two batches, and what the method draws besides


@pytest.mark.parametrize(
    ("arch", "size", "spared"),
    [
        ("test_vit", 0, {"pos_embed", "cls_token"}),
        ("swin_tiny_patch4_window7_224", 224, {"relative_position_bias_table"}),
        ("test_resnet", 0, set()),
    ],
)
def test_positions_tokens_and_biases_of_attention_are_not_decayed(arch, size, spared):
    with torch.device("meta"):
        network = Network(arch, 2, 3, size, None)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    decayed, free = ([names[id(p)] for p in group["params"]] for group in parameter_groups(network, 0.05))
    shapes = {name: p.ndim for name, p in network.named_parameters()}
    assert {name.rpartition(".")[2] for name in free if shapes[name] > 1} == spared
    assert all(shapes[name] > 1 for name in decayed)
    assert not {name.rpartition(".")[2] for name in decayed} & spared
    assert sorted(decayed + free) == sorted(shapes)
    if not spared:  # a convolutional network: the groups, in order, as before there were names
        assert decayed == [name for name, ndim in shapes.items() if ndim > 1]


def test_patterns_of_names_and_those_of_inner_modules_are_known():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    network.no_weight_decay = lambda: {"1.*"}
    network[0].no_weight_decay = lambda: {"weight"}
    assert undecayed(network) == {"0.weight", "1.weight", "1.bias"}
