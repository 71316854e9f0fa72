"""Training-time methods against hand-computed cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from helpers.images.stripes import Small, low_contrast, pictures, problem

from medshift.baselines.adaptation import coral_mmd, dann, fda, joint_norm, mcc
from medshift.baselines.common import entropy, target_batches, training
from medshift.baselines.common.recipe import TimmRecipe
from medshift.baselines.generalisation import mixstyle, swad
from medshift.baselines.networks.network import Network
from medshift.baselines.self_supervised import simsiam, views
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Images
from medshift.shifts.errors import MedshiftError


def test_class_confusion_by_hand():
    sure = torch.tensor([[40.0, -40.0], [-40.0, 40.0]])
    assert float(mcc.class_confusion(sure, 1.0)) == pytest.approx(0)
    doubtful = torch.zeros(3, 2)  # every entry of the correlation is equal: half of each row is off the diagonal
    assert float(mcc.class_confusion(doubtful, 2.5)) == pytest.approx(0.5)
    # one sure of class 0 (weight 2), one with .25 and .75 (weight 1 + exp(-H)), both scaled to a sum of 2
    logits = torch.tensor([[90.0, -90.0], [0.0, math.log(3)]])
    weight = 1 + math.exp(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    one, two = (2 * w / (2 + weight) for w in (2, weight))
    to_itself, across = one + two * 0.25**2, two * 0.25 * 0.75
    second = two * 0.75**2
    expected = (across / (to_itself + across) + across / (across + second)) / 2
    assert float(mcc.class_confusion(logits, 1.0)) == pytest.approx(expected)
    assert float(mcc.class_confusion(logits * 2.5, 2.5)) == pytest.approx(expected)


@pytest.mark.parametrize("gap", [30.0, 120.0, 300.0])
def test_one_class_for_all_images_is_as_confused_as_no_class_at_all_however_sure(gap):
    collapsed = torch.stack([torch.full((32,), gap), torch.zeros(32)], 1).requires_grad_(True)
    confusion = mcc.class_confusion(collapsed, 2.5)
    assert float(confusion.detach()) == pytest.approx(0.5, abs=1e-3)
    confusion.backward()
    assert torch.isfinite(collapsed.grad).all()


def test_joint_norms_are_what_alignment_is_without_its_weight():
    told = problem(low_contrast)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # of all random weights, some make the last difference as small as that of rounding
        network = Small()
    images, labels = told.train.batch(slice(8)), torch.from_numpy(told.train.labels[:8])
    losses = [joint_norm.JointNormLoss(told), coral_mmd.AlignmentLoss(told, "coral", 0.0)]
    one, other = (
        float(loss(network, images, labels, torch.ones(2), torch.Generator().manual_seed(0)).detach())
        for loss in losses
    )
    assert one == pytest.approx(other, rel=1e-5)
    alone = float(torch.nn.functional.cross_entropy(network(images), labels).detach())
    assert abs(one - alone) > 1e-3  # the norms see the target


def test_a_batch_of_targets_holds_images_of_one_so_that_none_can_pass_for_a_class():
    """Over both together, calling one target one class and the other target the other would have no confusion."""
    first, second = (Images(np.full((5, 1, 4, 4), value, np.uint8), None) for value in (50, 200))
    told = Access(**{**problem(low_contrast).__dict__, "targets": {"b": second, "a": first}})
    drawn, like = target_batches.TargetBatches(told), torch.zeros(8, 1, 4, 4)
    draws = torch.Generator().manual_seed(0)
    seen = [set((drawn.draw(like, draws) * 255).round().flatten().tolist()) for _ in range(20)]
    assert all(len(values) == 1 for values in seen)
    assert {50.0} in seen
    assert {200.0} in seen


def test_the_loss_of_confusion_is_of_labelled_sources_and_unlabelled_targets():
    told = problem(low_contrast)
    loss = mcc.ClassConfusionLoss(told, 2.5, 0.7)
    network, weights = Small().eval(), torch.tensor([1.0, 3.0])
    images, labels = told.train.batch(slice(8)), torch.from_numpy(told.train.labels[:8])
    made = loss(network, images, labels, weights, torch.Generator().manual_seed(0))
    target = target_batches.TargetBatches(told).draw(images, torch.Generator().manual_seed(0))
    supervised = torch.nn.functional.cross_entropy(network(images), labels, weights)
    expected = supervised + 0.7 * mcc.class_confusion(network(target), 2.5)
    assert float(made.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_the_targets_images_stand_in_the_order_of_their_names():
    first, second = (Images(np.full((2, 1, 4, 4), value, np.uint8), None) for value in (1, 2))
    told = problem(low_contrast)
    made = [
        target_batches.unlabelled(Access(**{**told.__dict__, "targets": targets})).stored(range(4)).numpy()
        for targets in ({"a": first, "b": second}, {"b": second, "a": first})
    ]
    assert np.array_equal(*made)
    assert made[0][:, 0, 0, 0].tolist() == [1, 1, 2, 2]


def test_the_turned_gradient_by_hand():
    x = torch.tensor([[1.0, 2.0]], requires_grad=True)
    weight = torch.tensor([3.0, -1.0], requires_grad=True)
    out = dann.reversed_gradient(x, 0.5) @ weight
    assert float(out.detach()) == 1.0
    out.sum().backward()
    assert x.grad.tolist() == [[-1.5, 0.5]]  # turned and halved for the features
    assert weight.grad.tolist() == [1.0, 2.0]  # as it is for the discriminator
    assert dann.strength(0) == 0
    assert dann.strength(0.5) == pytest.approx(2 / (1 + math.exp(-5)) - 1)
    assert 0.9999 < dann.strength(1) < 1


@pytest.mark.parametrize(("accumulate", "parts"), [(1, 1), (2, 2), (16, 10)])  # 20 images make 10 parts of 2
def test_the_turned_gradient_grows_by_steps_in_however_many_parts_a_batch_passes(monkeypatch, accumulate, parts):
    told = problem(low_contrast)
    few = Access(**{**told.__dict__, "train": pictures(20, 1), "val": pictures(4, 2)})
    done = []
    monkeypatch.setattr(dann, "strength", lambda share: done.append(share) or 0.0)
    recipe = TimmRecipe(steps=5, batch_size=32, accumulate=accumulate, patience=1.0)
    network, loss = Small(), dann.AdversarialLoss(few, recipe, 1.0, conditional=False)
    loss.equip(network)
    training.train(network, few, recipe, loss)
    assert done == [step / 5 for step in range(5) for _ in range(parts)]


def test_the_conditional_discriminator_sees_the_outer_product_by_hand():
    told = dann.Discriminator(2, 3)
    seen = []
    told.layers.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    told(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 0.25, 0.25]]))
    assert seen[0].tolist() == [[0.5, 0.25, 0.25, 1.0, 0.5, 0.5]]
    wide = dann.Discriminator(2000, 3)  # 6000 products: two random maps, whose inner products approximate theirs
    wide.layers.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    draws = torch.Generator().manual_seed(0)
    features, odds = torch.rand(2, 2000, generator=draws), torch.rand(2, 3, generator=draws).softmax(1)
    wide(features, odds)
    exact = (features[0] @ features[1]) * (odds[0] @ odds[1])
    assert float(seen[1][0] @ seen[1][1]) == pytest.approx(float(exact), rel=0.3)


def test_sure_images_count_more_by_hand():
    weights = entropy.confidence_weights(torch.tensor([[200.0, 0.0], [0.0, 0.0]]))
    assert weights.tolist() == pytest.approx([2 / 1.75, 1.5 / 1.75])  # 1 + exp(0) and 1 + exp(-ln 2), over their mean


def test_swapping_the_mean_alone_by_hand():
    source, target = torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]]), torch.full((1, 1, 2, 2), 0.5)
    assert torch.allclose(fda.swap_amplitudes(source, target, 0.0), source + 0.25, atol=1e-6)


def test_swapped_amplitudes_are_the_targets_below_and_the_sources_above():
    draws = torch.Generator().manual_seed(0)
    source, target = (0.4 + 0.2 * torch.rand(2, 3, 32, 24, generator=draws) for _ in range(2))
    out = fda.swap_amplitudes(source, target, 0.09)  # up to frequency 2, either way
    was, other, now = (torch.fft.fft2(images) for images in (source, target, out))
    low = torch.zeros(32, 24, dtype=torch.bool)
    low[[[row] for row in (-2, -1, 0, 1, 2)], [-2, -1, 0, 1, 2]] = True
    assert torch.allclose(now.abs()[..., low], other.abs()[..., low], atol=1e-3)
    assert torch.allclose(now.abs()[..., ~low], was.abs()[..., ~low], atol=1e-3)
    assert torch.allclose(now, torch.polar(now.abs(), was.angle()), atol=1e-3)
    assert torch.allclose(fda.swap_amplitudes(source, source, 0.09), source, atol=1e-6)
    volumes = torch.rand(1, 1, 8, 8, 8, generator=draws)
    assert torch.allclose(fda.swap_amplitudes(volumes, volumes, 0.2), volumes, atol=1e-5)


def test_mixed_styles_by_hand():
    maps = torch.tensor([[[[0.0, 2.0]]], [[[10.0, 16.0]]]])  # means 1 and 13, deviations 2^.5 and 18^.5
    out = mixstyle.restyle(maps, torch.tensor([1, 0]), torch.tensor([0.25, 1.0]))
    mean, deviation = 0.25 * 1 + 0.75 * 13, 0.25 * 2**0.5 + 0.75 * 18**0.5
    assert out[0].flatten().tolist() == pytest.approx([mean - deviation / 2**0.5, mean + deviation / 2**0.5], abs=1e-4)
    assert out[1].flatten().tolist() == pytest.approx([10, 16], abs=1e-4)  # keeps all of its own


def test_styles_are_mixed_in_training_only_and_where_there_are_maps():
    network = Network("test_resnet", 2, 1, 0, None)
    mixstyle.mix_styles(network, 2, 1.0, 0.1)
    images = torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    plain = Network("test_resnet", 2, 1, 0, None)
    plain.load_state_dict(network.state_dict())
    with torch.random.fork_rng(), torch.no_grad():
        assert torch.equal(network.eval()(images), plain.eval()(images))
        assert not torch.allclose(network.train()(images), plain.train()(images))
    with pytest.raises(MedshiftError, match="has 4 stages, not 5"):
        mixstyle.mix_styles(network, 5, 1.0, 0.1)
    patches = Network("test_vit", 2, 1, 0, None)
    mixstyle.mix_styles(patches, 1, 1.0, 0.1)
    with pytest.raises(MedshiftError, match="choose a convolutional arch"):
        patches(images)


def valley_of(losses, converge=3, tolerance=2, rise=0.5):
    """Returns (weight averaged over the segments inside, steps inside); segment k has one step and the weight k."""
    found = swad.LossValley(converge, tolerance, rise)
    for place, loss in enumerate(losses):
        found.add(swad.Segment([torch.tensor([float(place)])], 1, loss))
    inside = found.average()
    return float(inside.mean[0]), inside.steps


@pytest.mark.parametrize(
    ("losses", "mean", "steps"),
    [
        # .4 is not undercut by the two after it: the threshold is .75, the valley ends before two in a row above it
        ([1.0, 0.4, 0.5, 0.6, 0.9, 0.7, 0.8, 0.9, 0.1], 3.0, 5),
        ([1.0, 0.4, 0.5, 0.6, 0.7], 2.5, 4),  # open at the end
        ([1.0, 0.4, 0.5, 0.6, 0.9], 2.0, 3),  # the last is above, and nothing follows it
        ([5.0, 4.0, 3.0, 2.0], 3.0, 1),  # falls to the end: the last
        ([1.0], 0.0, 1),
    ],
)
def test_the_valley_by_hand(losses, mean, steps):
    assert valley_of(losses) == (pytest.approx(mean), steps)


def test_averaging_does_not_start_on_the_plateau_of_the_start():
    """These first three look like a valley: the rate rises in the first, and .69 is the loss of a guess."""
    valley, recipe = swad.LossValley(3, 6, 0.3), TimmRecipe(steps=8)
    kept = swad.DenseAverage(Small(), problem(), recipe, valley)
    for number, loss in enumerate([0.6, 0.749, 0.689, 0.6, 0.5, 0.55, 0.56, 0.54], 1):
        kept.after_step()
        kept.after_evaluation(loss, number / 8)
    assert valley.inside is not None
    assert valley.threshold == pytest.approx((0.5 + 0.55 + 0.56) / 3 * 1.3)


def test_segments_average_by_steps():
    segment = swad.Segment([torch.zeros(1)])
    for value in (1.0, 2.0, 6.0):
        segment.add([torch.tensor([value])])
    assert segment.mean[0].item() == pytest.approx(3.0)
    segment.add([torch.tensor([8.0])], 2)
    assert segment.mean[0].item() == pytest.approx(5.0)


def test_dense_averages_leave_the_average_of_all_steps_and_its_statistics():
    told = problem()
    recipe = TimmRecipe(steps=20, batch_size=16, lr=1e-3)
    network, seen = Small(), []

    def keep(network, access, recipe):
        kept = swad.DenseAverage(network, access, recipe, swad.LossValley(1, 99, 0.0))
        kept.plateau = 9.0
        after_step = kept.after_step
        kept.after_step = lambda: (seen.append(network.head.weight.detach().clone()), after_step())
        return kept

    training.train(network, told, recipe, keep=keep)
    assert len(seen) == 20
    assert torch.allclose(network.head.weight, torch.stack(seen[2:]).mean(0), atol=1e-6)  # after the first evaluation
    norm = network.body[1]
    with torch.no_grad():
        maps = network.body[0](told.train.batch(slice(None)))
    assert torch.allclose(norm.running_mean, maps.mean((0, 2, 3)), atol=0.02)
    assert norm.momentum == 0.1


def test_similarity_by_hand():
    predicted = torch.tensor([[1.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 2.0]], requires_grad=True)
    projected = torch.tensor([[3.0, 0.0]], requires_grad=True), torch.tensor([[1.0, 1.0]], requires_grad=True)
    loss = simsiam.similarity_loss(predicted, projected)
    assert float(loss.detach()) == pytest.approx(-(0.5**0.5 + 0.0) / 2)  # the first's to the second's, and back
    loss.backward()
    assert projected[0].grad is None
    assert predicted[0].grad is not None
    draws = torch.Generator().manual_seed(0)
    assert simsiam.feature_spread(torch.randn(500, 64, generator=draws)) == pytest.approx(1, abs=0.05)
    assert simsiam.feature_spread(torch.ones(5, 8)) == 0


def test_views_show_at_least_half_and_change_grey_levels_a_little():
    draws = torch.Generator().manual_seed(0)
    down, across = torch.meshgrid(torch.linspace(0.2, 0.8, 64), torch.linspace(0.2, 0.8, 64), indexing="ij")
    places = torch.stack([down, across]).expand(200, 2, 64, 64)
    out = views.random_view(places, 0.0, draws)
    sides = (out.amax((2, 3)) - out.amin((2, 3))) / 0.6
    assert float(sides.prod(1).min()) > 0.47
    assert float(sides.max()) <= 1
    assert 0.3 < float((out[:, 1, 0, 0] > out[:, 1, 0, -1]).float().mean()) < 0.7  # mirrored or not
    flat = views.random_view(torch.full((200, 1, 8, 8), 0.5), 0.1, draws).mean((1, 2, 3))
    assert 0.4 <= float(flat.min()) < 0.43
    assert 0.57 < float(flat.max()) <= 0.6
    assert torch.equal(*(views.random_view(places, 0.1, torch.Generator().manual_seed(1)) for _ in range(2)))
