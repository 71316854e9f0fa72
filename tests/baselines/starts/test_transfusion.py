"""Partial transfer: which weights come from ImageNet at which depth, and what its ends are equal to."""

from __future__ import annotations

import pytest
import timm
import torch
from helpers.images.bright_squares import access

from medshift.baselines.common import source_model, training
from medshift.baselines.networks import initial_weights
from medshift.baselines.pretrained import packaged
from medshift.baselines.scratch.scratch import RandomInit
from medshift.baselines.transfer.imagenet_finetune import ImagenetFinetune
from medshift.baselines.transfer.transfusion import ImagenetTransfusion
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def test_transfusion_takes_the_lowest_stages_and_no_more():
    network = timm.create_model(packaged.PACKAGED)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    weights = packaged.packaged_weights(network)
    assert initial_weights.stages(network)[:3] == [("conv_stem", "bn1"), ("blocks.0",), ("blocks.1",)]
    initial_weights.load_lowest(2)(network, weights)
    for name, value in network.state_dict().items():
        low = name.startswith(("conv_stem.", "bn1.", "blocks.0."))
        assert torch.equal(value, weights[name] if low else before[name]), name
    with pytest.raises(MedshiftError, match="has 9 stages"):
        initial_weights.load_lowest(10)(network, weights)


def test_stages_of_a_resnet_are_its_stem_and_its_four_layers():
    network = timm.create_model("resnet50")
    assert initial_weights.stages(network) == [("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)]
    assert len(initial_weights.stages(timm.create_model("convnext_atto"))) == 5  # stem and four stages


@pytest.mark.parametrize(("layers", "like"), [(0, "random"), (9, "imagenet"), (-1, "imagenet")])
def test_the_ends_of_transfusion_are_a_random_start_and_that_of_imagenet_finetune(monkeypatch, layers, like):
    starts = {}

    def keep(access, recipe, name, build, loss, learn, parts):
        with training.seeded(access):
            starts.setdefault(name, build().state_dict())
        return torch.nn.Linear(1, 1)

    monkeypatch.setattr(source_model, "source_network", keep)
    told = access()
    ImagenetFinetune().fit(told)
    RandomInit().fit(told)
    ImagenetTransfusion(layers=layers).fit(told)
    found = starts[next((name for name in starts if "lowest" in name), f"tf_efficientnet_lite0 at 0 from {like}")]
    wanted = starts[f"tf_efficientnet_lite0 at 0 from {like}"]
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert len(starts) == (3 if layers == 9 else 2)  # the other ends share the weights of the other baselines


def test_what_a_transformer_holds_itself_belongs_to_its_first_stage():
    network = timm.create_model("vit_tiny_patch16_224", img_size=32)
    found = initial_weights.stages(network)
    assert found[0] == ("patch_embed", "cls_token", "pos_embed")
    assert [*found[1], found[-1]] == ["blocks.0", ("blocks.11", "norm")]
