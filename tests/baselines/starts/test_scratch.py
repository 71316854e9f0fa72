"""From scratch: a network that can learn from few images, and the like-for-like control of ImageNet's weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from medshift.baselines.common.recipe import FOR_VOLUMES, Recipe
from medshift.baselines.networks.network import Network
from medshift.baselines.scratch.scratch import RandomInit, Scratch
from medshift.baselines.transfer.imagenet_finetune import ImagenetFinetune
from medshift.benchmark.contract.registry import BUILTINS, load_baseline


def test_the_small_network_sees_every_pixel_in_its_first_stage():
    body = Network("small-resnet", classes=2, channels=1, input_size=0, load=None).body
    images = torch.rand(2, 3, 64, 64)
    assert body.layer1(body.maxpool(body.act1(body.bn1(body.conv1(images))))).shape == (2, 16, 64, 64)
    assert body.forward_features(images).shape == (2, 128, 8, 8)


def test_the_control_differs_from_fine_tuning_in_nothing_but_the_start():
    assert dataclasses.asdict(RandomInit()) == dataclasses.asdict(ImagenetFinetune())
    assert {**dataclasses.asdict(Scratch()), "arch": RandomInit.arch} == dataclasses.asdict(RandomInit())


def test_volumes_get_a_network_for_volumes_from_every_default():
    assert {method.for_dims(3).arch for method in (Scratch(), RandomInit())} == {FOR_VOLUMES}
    assert Scratch(arch="resnet18").for_dims(3).arch == "resnet18"  # refused later, by its name


@pytest.mark.parametrize("name", sorted(BUILTINS))
def test_no_setting_of_a_method_takes_the_name_of_one_of_its_recipe(name):
    """It would change how long, and on what, the model is trained that the method stands on."""
    method = load_baseline(name)
    if not issubclass(method, Recipe):
        return
    shared = {field.name: field.default for field in dataclasses.fields(Recipe)}
    own = {field.name: field.default for field in dataclasses.fields(method) if field.name in shared}
    assert {key for key in shared if own[key] != shared[key]} == ({"lr"} if name == "lp-ft" else set())
