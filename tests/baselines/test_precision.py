"""Networks in 16 bits, batches in parts: near what they are without, and refused where they cannot be."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import replace

import pytest
import torch
from helpers.images.bright_squares import TINY, access

from medshift.baselines.common import training
from medshift.baselines.common.recipe import Recipe, TimmRecipe
from medshift.baselines.scratch.scratch import Scratch
from medshift.baselines.test_time.adabn import AdaBN
from medshift.baselines.test_time.tent import Tent
from medshift.benchmark.contract import registry
from medshift.benchmark.contract.precision import computing_in, scaler
from medshift.benchmark.contract.predictor import fresh_copy, validated_probabilities
from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.runs import environment
from medshift.shifts.errors import MedshiftError


class Small(torch.nn.Module):
    """Tells in which format it computes."""

    def __init__(self):
        super().__init__()
        self.head, self.seen = torch.nn.Linear(4, 2), []

    def forward(self, images):
        return self.head(self.features(images))

    def features(self, images):
        found = torch.nn.functional.linear(images, torch.eye(4))
        self.seen.append(found.dtype)
        return found


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_network_computes_in_bfloat16_and_returns_float32(copied_by):
    network, images = computing_in(Small(), "bfloat16"), torch.rand(3, 4)
    copied = copied_by(network)
    for given in (network(images), network.features(images)):
        assert given.dtype == torch.float32
    assert network.seen == [torch.bfloat16] * 2
    with torch.no_grad():
        copied.head.weight.zero_()
    assert torch.equal(
        copied(images), copied.head.bias.bfloat16().float().expand(3, -1)
    )  # its own weights, not the other's
    assert copied.seen == [torch.bfloat16]


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_other_precisions_leave_a_network_as_it_is(precision):
    network = Small()
    assert vars(computing_in(network, precision)) == vars(network)
    assert "forward" not in vars(network)
    network(torch.rand(3, 4))
    assert network.seen == [torch.float32]


@pytest.mark.usefixtures("home")
def test_training_and_prediction_in_bfloat16_are_near_those_in_float32_and_kept_apart(any_weights):
    told = access(count=16)
    half = replace(told, precision="bfloat16")
    images = told.val.batch(slice(None))
    quick = TINY | {"steps": 3}
    whole, made = (Scratch(**quick).fit(each)(images) for each in (told, half))
    assert 0 < float((whole - made).abs().max()) < 0.05
    for kind in (AdaBN(**quick, prior=4.0), Tent(**quick)):
        predictor = kind.fit(half)
        found, loaded = (one(images) for one in (fresh_copy(predictor), pickle.loads(pickle.dumps(predictor))))
        validated_probabilities(found, len(images), 2, Condition("site", "clean"))
        assert torch.equal(found, loaded)  # what is saved for another process is loaded there
    keys = {training.weights_key(each, TimmRecipe(), "x") for each in (told, half)}
    assert len(keys) == 2


def test_losses_are_scaled_for_float16_alone():
    for precision in ("float32", "bfloat16", "tf32"):
        scale = scaler(replace(access(), precision=precision))
        assert not scale.is_enabled()
        assert scale.scale(torch.tensor(0.3)) == torch.tensor(0.3)
    with pytest.raises(MedshiftError, match="tent learns at test time, and float16 loses small gradients there: give"):
        Tent(**TINY).fit(replace(access(), precision="float16"))


@pytest.mark.parametrize(
    ("precision", "line"),
    [
        ("float16", r"--precision float16 is for graphics cards of NVIDIA, and the device is cpu: give --precision bf"),
        ("tf32", r"--precision tf32 is for graphics cards of NVIDIA, and the device is cpu: leave it out"),
    ],
)
def test_what_a_processor_does_not_compute_in_is_refused(precision, line):
    with pytest.raises(MedshiftError, match=line):
        environment.prepare("cpu", 0, precision)
    assert environment.prepare("cpu", 0, "bfloat16").type == "cpu"


def trained(accumulate, loss=training.cross_entropy):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, 2))
    told = access(count=21)  # batches hold the classes unequally
    recipe = Recipe(steps=6, batch_size=8, patience=1.0, accumulate=accumulate)
    sizes = []

    def seen(network, images, *given):
        sizes.append(len(images))
        return loss(network, images, *given)

    record = training.train(network, told, recipe, seen)
    return network[1].weight.detach(), record.losses, sizes


def test_a_batch_in_parts_takes_the_step_of_the_whole_batch():
    whole, losses, sizes = trained(1)
    parts, others, smaller = trained(4)
    assert (sizes, smaller) == ([8] * 6, [2] * 24)
    assert torch.allclose(whole, parts, atol=1e-5)
    assert [loss for _, loss in losses] == pytest.approx([loss for _, loss in others], abs=1e-4)


@pytest.mark.parametrize("name", ["cbr-tiny", "imagenet-finetune", "lp-ft", "histogram-matching", "swad", "tta"])
@pytest.mark.parametrize(("accumulate", "most"), [(1, 16), (4, 2)])
def test_validation_features_and_predictions_pass_as_many_images_at_once_as_a_part_holds(
    name, accumulate, most, monkeypatch, home, any_weights
):
    kind, told, sizes = registry.load_baseline(name), access(count=21), []
    known = {field.name for field in dataclasses.fields(kind)}
    steps = 16 if name == "swad" else 2  # enough for an average, at whose end batch norms see the images again
    settings = {"arch": "test_resnet", "steps": steps, "batch_size": 8, "accumulate": accumulate}
    made = kind(**{key: value for key, value in settings.items() if key in known})

    def noted(module, inputs):
        if isinstance(module, torch.nn.Conv2d):
            sizes.append(len(inputs[0]))

    watched = torch.nn.modules.module.register_module_forward_pre_hook(noted)
    try:
        predictor = made.fit(told)
        fitted = max(sizes)
        sizes.clear()
        whole = predictor(told.val.batch(slice(None)))  # 16 images
    finally:
        watched.remove()
    assert max(sizes) == most
    assert fitted == (most if accumulate > 1 or name != "lp-ft" else 21)  # of the images to train on
    assert whole.shape == (16, 2)


@pytest.mark.parametrize("accumulate", [0, 3, 8])
def test_parts_that_do_not_divide_a_batch_are_refused(accumulate):
    with pytest.raises(ValueError, match="accumulate must divide batch_size into parts of at least 2 images"):
        Recipe(batch_size=8, accumulate=accumulate)


@pytest.mark.parametrize(("name", "value"), [("accumulate", 4), ("mirror", False)])
def test_a_hyper_parameter_that_came_later_is_recorded_where_it_is_set(name, value):
    assert name not in registry.config(Scratch())
    assert registry.config(Scratch(**{name: value}))[name] == value
    assert registry.overrides(Scratch(**{name: value})) == {name: value}
    assert registry.make_baseline("scratch", [f"{name}={value}"]) == Scratch(**{name: value})
