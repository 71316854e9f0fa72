"""The methods do what their papers say, against hand-computed cases."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from helpers.images.stripes import Small, low_contrast, problem
from sklearn.linear_model import LogisticRegression

from medshift.baselines.adaptation import coral_mmd, dann, fda, joint_norm, mcc
from medshift.baselines.common.recipe import TimmRecipe
from medshift.baselines.generalisation import histogram_matching
from medshift.baselines.generalisation.mixup import MixupLoss
from medshift.baselines.networks.initial_weights import load_all
from medshift.baselines.networks.network import Network
from medshift.baselines.transfer import linear_probe
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Images, Labelled
from medshift.shifts.apply import apply_shift
from medshift.shifts.errors import MedshiftError


def test_coral_by_hand():
    source = torch.tensor([[0.0, 0.0], [2.0, 0.0]])  # covariance [[2, 0], [0, 0]]
    target = torch.tensor([[0.0, 1.0], [0.0, 3.0]])  # covariance [[0, 0], [0, 2]]
    assert float(coral_mmd.coral(source, target)) == pytest.approx((4 + 4) / 4 / 4)
    assert float(coral_mmd.coral(source, source + 5)) == pytest.approx(0)  # blind to the mean


def test_mmd_is_the_unbiased_sum_of_kernels():
    source, target = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [4.0]])
    both = torch.cat([source, target]).flatten()
    squared = (both[:, None] - both[None]) ** 2
    kernel = sum((-squared / (width * squared.mean())).exp() for width in (0.25, 0.5, 1.0, 2.0, 4.0))
    within = (kernel[0, 1] + kernel[0, 2] + kernel[1, 2]) / 3 + kernel[3, 4]
    expected = within - 2 * kernel[:3, 3:].mean()
    assert float(coral_mmd.mmd(source, target)) == pytest.approx(float(expected), rel=1e-5)
    draws = torch.Generator().manual_seed(0)
    equal = [float(coral_mmd.mmd(*torch.randn(2, 32, 100, generator=draws))) for _ in range(20)]
    assert abs(np.mean(equal)) < 0.005  # the biased estimate is .2 here


def test_mmd_tells_shifted_from_equal():
    draws = torch.Generator().manual_seed(0)
    a, b = (torch.randn(200, 3, generator=draws) for _ in range(2))
    assert float(coral_mmd.mmd(a, b)) < 0.05
    assert float(coral_mmd.mmd(a, b + 2)) > 1


def test_matching_gives_the_templates_histogram_and_keeps_ties():
    draws = torch.Generator().manual_seed(0)
    images, template = torch.rand(3, 2, 5, 5, generator=draws), torch.rand(2, 25, generator=draws).sort(1).values
    out = histogram_matching.match_histograms(images, template)
    assert torch.allclose(out.flatten(2).sort(2).values, template.expand(3, -1, -1))
    assert torch.equal(out.flatten(2).argsort(2), images.flatten(2).argsort(2))
    flat = histogram_matching.match_histograms(torch.full((1, 2, 5, 5), 0.3), template)
    assert torch.allclose(flat, template.mean(1).view(1, 2, 1, 1).expand(1, 2, 5, 5))


def test_matching_sums_in_float64_and_on_the_processor_where_a_device_has_none(monkeypatch):
    assert [histogram_matching.with_float64(torch.device(kind)).type for kind in ("mps", "cuda")] == ["cpu", "cuda"]
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1)).mul(20).round().div(20)  # with ties
    template = images.flatten(2).sort(2).values.mean(0)
    asked = []
    monkeypatch.setattr(histogram_matching, "with_float64", lambda device: asked.append(device) or device)
    found = histogram_matching.match_histograms(images, template)
    assert asked == [images.device]
    flat, own = images[1, 0].flatten(), found[1, 0].flatten()
    ordered = flat.sort().values
    for value in flat.unique():
        mean = template[0, ordered == value].double().mean().float()
        assert (own[flat == value] - mean).abs().max() < 1e-6


def test_matching_undoes_monotone_tone_curves():
    images = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(1)).mul(60000).round().div(65535)
    template = images.flatten(2).sort(2).values.mean(0)
    for shift in ("gamma", "contrast-loss", "tone-curve"):
        changed = apply_shift(shift, images, 3, list("abcd"), 0)
        moved = (
            (
                histogram_matching.match_histograms(changed, template)
                - histogram_matching.match_histograms(images, template)
            )
            .abs()
            .mean()
        )
        assert moved < 2e-4, shift
        assert (changed - images).abs().mean() > 0.02


def test_the_probe_is_scikit_learns(monkeypatch):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    train = Labelled(rng.integers(0, 100, (60, 1, 32, 32), dtype=np.uint8), None, labels)
    train.pixels[labels == 1, :, :16] += 100
    train.pixels[labels == 2, :, :, :16] += 100
    access = Access(("a", "b", "c"), 1, (32, 32), train, train, {}, 0, torch.device("cpu"), "x", lambda line: None)
    monkeypatch.setattr(linear_probe, "STRENGTHS", (0.01,))
    network = Network("tf_efficientnet_lite0", 3, 1, 0, load_all)
    linear_probe.fit_probe(network, access)
    features = linear_probe.frozen_features(network, train, torch.device("cpu"))
    standard = (features - features.mean(0)) / (features.std(0) + 1e-6)
    expected = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000).fit(standard, labels)
    with torch.inference_mode():
        found = network(train.batch(slice(None))).softmax(1).numpy()
    assert np.abs(found - expected.predict_proba(standard)).max() < 1e-3


@pytest.mark.parametrize(("count", "absent"), [(3, 0), (3, 1), (3, 2), (4, 1)])
def test_a_class_that_the_source_lacks_is_given_to_no_image_and_the_others_are_as_without_it(absent, count):
    """Scikit-learn returns one row for two classes that are present, and as many rows as are present for more."""
    present = [label for label in range(count) if label != absent]
    place, rng = np.arange(60) % len(present), np.random.default_rng(0)
    images = rng.integers(0, 100, (60, 1, 32, 32), dtype=np.uint8)
    for each in range(1, len(present)):
        images[place == each, :, 8 * each : 8 * each + 8] += 100
    names = tuple("abcd")
    made = []
    for labels, classes in ((np.array(present)[place], count), (place, len(present))):
        told = Labelled(images, None, labels)
        access = Access(names[:classes], 1, (32, 32), told, told, {}, 0, torch.device("cpu"), "x", lambda line: None)
        torch.manual_seed(0)
        network = Network("test_resnet", classes, 1, 0, None)
        linear_probe.fit_probe(network, access)
        with torch.inference_mode():
            made.append(network(told.batch(slice(None))).softmax(1).numpy())
    found, alone = made
    assert np.allclose(found[:, present], alone, atol=1e-5)
    assert not found[:, absent].any()
    assert (alone.argmax(1) == place).mean() > 0.8
    lonely = Labelled(images, None, np.zeros(60, np.int64))
    with pytest.raises(MedshiftError, match="all training images are of class `a`, and a probe needs two"):
        linear_probe.fit_probe(network, Access(**{**access.__dict__, "train": lonely}))


def test_held_norms_say_the_same_while_training_and_learn_nothing():
    network = Network("test_resnet", 2, 1, 0, None)
    images = torch.rand(4, 1, 64, 64)
    for norm in (module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_()
    with torch.no_grad():
        before = network.eval()(images)
        linear_probe.hold_norms(network)
        assert torch.allclose(network.train()(images), before, atol=1e-5)
    assert not any("bn" in name for name, _ in network.named_parameters())


def test_norms_of_tokens_are_held_as_those_of_maps():
    network = torch.nn.Module()
    network.body = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    network.body[0].running_mean.normal_()
    tokens = torch.randn(4, 3)
    before = network.body.eval()(tokens)
    linear_probe.hold_norms(network)
    other = pickle.loads(pickle.dumps(network))
    assert torch.equal(network.body.train()(tokens), before)
    assert torch.equal(other.body.train()(tokens), before)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_mixed_loss_is_that_of_mixed_images_shared_between_both_labels():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    images, labels = torch.rand(6, 1, 2, 2), torch.tensor([0, 1, 0, 0, 1, 1])
    weights = torch.tensor([1.0, 3.0])
    loss = MixupLoss(0.8)(network, images, labels, weights, torch.Generator().manual_seed(0))
    draws = torch.Generator().manual_seed(0)  # the share, then the order
    seed = int(torch.randint(2**31, (), generator=draws))
    share = float(np.random.Generator(np.random.Philox(seed)).beta(0.8, 0.8))
    other = torch.randperm(6, generator=draws)
    assert 0.05 < share < 0.95
    assert (labels[other] != labels).any()
    logits = network(torch.stack([share * images[i] + (1 - share) * images[j] for i, j in enumerate(other)]))
    own, others = (torch.nn.functional.cross_entropy(logits, to, weights) for to in (labels, labels[other]))
    assert float(loss.detach()) == pytest.approx(float((share * own + (1 - share) * others).detach()), rel=1e-6)


def test_alignment_needs_a_target():
    images = Labelled(np.zeros((4, 1, 8, 8), np.uint8), None, np.array([0, 1, 0, 1]))
    access = Access(("a", "b"), 1, (8, 8), images, images, {}, 0, torch.device("cpu"), "x", lambda line: None)
    with pytest.raises(MedshiftError, match="no target to adapt to"):
        coral_mmd.AlignmentLoss(access, "coral", 1.0)
    there = Access(**{**access.__dict__, "targets": {"t": Images(images.pixels, None)}})
    assert not any(hasattr(images, "labels") for images in coral_mmd.AlignmentLoss(there, "mmd", 1.0).targets.targets)


@pytest.mark.parametrize("distance", ["coral", "mmd"])
def test_alignment_refuses_a_single_training_image_and_is_finite_with_two(distance):
    told = problem(low_contrast)
    for count in (1, 2):
        train = Labelled(told.train.pixels[:count], None, told.train.labels[:count])
        few = Access(**{**told.__dict__, "train": train})
        if count == 1:
            with pytest.raises(MedshiftError, match=f"{distance} compares distributions, and the source has a single"):
                coral_mmd.AlignmentLoss(few, distance, 1.0)
            continue
        loss = coral_mmd.AlignmentLoss(few, distance, 1.0)
        labels, draws = torch.from_numpy(train.labels), torch.Generator().manual_seed(0)
        assert torch.isfinite(loss(Small(), train.batch(slice(None)), labels, torch.ones(2), draws))


LOSSES = {
    "coral": lambda told: coral_mmd.AlignmentLoss(told, "coral", 1.0),
    "mmd": lambda told: coral_mmd.AlignmentLoss(told, "mmd", 1.0),
    "dann": lambda told: dann.AdversarialLoss(told, TimmRecipe(), 1.0, conditional=False),
    "cdan": lambda told: dann.AdversarialLoss(told, TimmRecipe(), 1.0, conditional=True),
    "mcc": lambda told: mcc.ClassConfusionLoss(told, 2.5, 1.0),
    "joint-norm": joint_norm.JointNormLoss,
    "fda": lambda told: fda.FourierSwapLoss(told, 0.05),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_target_without_adaptation_images_is_told_once_and_left_out(name):
    told, said = problem(low_contrast), []
    none = Images(np.zeros((0, 1, 32, 32), np.uint8), None)
    some = Access(**{**told.__dict__, "targets": {"a": none, **told.targets, "z": none}, "report": said.append})
    network, labels = Small(), torch.from_numpy(told.train.labels[:4])
    made = []
    for given in (told, some):
        loss, draws = LOSSES[name](given), torch.Generator().manual_seed(0)
        if hasattr(loss, "equip"):
            torch.manual_seed(0)
            loss.equip(network)
        images = told.train.batch(slice(4))
        made.append([loss(network.train(), images, labels, torch.ones(2), draws).detach() for _ in range(4)])
    assert torch.equal(*map(torch.stack, made))  # as if there were no such target
    assert said == ["not adapted to, since no images of them are kept for that: a, z"]
    with pytest.raises(MedshiftError, match=r"^no target has images to adapt to \(a, z\): use a .* --no-adapt"):
        LOSSES[name](Access(**{**told.__dict__, "targets": {"z": none, "a": none}}))
