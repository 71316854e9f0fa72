"""Batch norm at test time, against hand-computed cases."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers.images.bright_squares import LONGER, access

from medshift.baselines.common import source_model, training
from medshift.baselines.common.recipe import TimmRecipe
from medshift.baselines.networks.network import Network
from medshift.baselines.test_time.batch_norm import with_batch_statistics
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def test_batch_statistics_by_hand(monkeypatch):
    monkeypatch.setattr(torch, "empty_like", lambda like: torch.full_like(like, torch.nan))  # as in a deterministic run
    norm = torch.nn.BatchNorm2d(1, eps=1e-12).eval()
    norm.running_mean.fill_(10.0)
    norm.running_var.fill_(4.0)
    batch = torch.tensor([[[[1.0, 3.0]]], [[[5.0, 7.0]]]])  # mean 4, variance 5
    adapted = with_batch_statistics(copy.deepcopy(norm), prior=0.0)
    assert adapted(batch).flatten().tolist() == pytest.approx([(x - 4) / 5**0.5 for x in (1, 3, 5, 7)])
    mixed = with_batch_statistics(copy.deepcopy(norm), prior=2.0)  # half source: mean 7, variance 4.5
    expected = [(x - 7) / 4.5**0.5 for x in (1, 3, 5, 7)]
    assert mixed(batch).flatten().tolist() == pytest.approx(expected)
    mixed(batch * 100)
    assert mixed(batch).flatten().tolist() == pytest.approx(expected)  # nothing is kept of earlier batches
    assert copy.deepcopy(mixed)(batch).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("prior", [0.0, 2.0])
def test_one_value_in_a_channel_takes_the_sources_statistics(prior):
    norm = torch.nn.BatchNorm2d(2).eval()
    norm.running_mean.copy_(torch.tensor([3.0, -1.0]))
    norm.running_var.copy_(torch.tensor([4.0, 0.25]))
    adapted = with_batch_statistics(copy.deepcopy(norm), prior)
    one, two = torch.tensor([[5.0, 0.0]]).view(1, 2, 1, 1), torch.tensor([[5.0, 1.0, 0.0, 4.0]]).view(1, 2, 1, 2)
    assert adapted(one).flatten().tolist() == pytest.approx([1.0, 2.0], rel=1e-4)  # (5 - 3) / 2, (0 + 1) / 0.5
    before = adapted(two)
    assert not torch.allclose(before, norm(two))  # two values: the batch's
    adapted(one)
    assert torch.equal(adapted(two), before)
    with torch.no_grad():
        assert torch.equal(with_batch_statistics(copy.deepcopy(norm), prior)(two), before)
    assert torch.equal(copy.deepcopy(adapted)(one), norm(one))


@pytest.mark.parametrize("prior", [0.0, 8.0])
def test_one_image_down_to_one_pixel_is_predicted_by_a_whole_network(prior):
    network = Network("test_resnet", 2, 1, 0, None).eval()
    image = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    deep = torch.nn.Sequential(network.body, torch.nn.Unflatten(1, (2, 1, 1)), torch.nn.BatchNorm2d(2)).eval()
    with torch.inference_mode():
        assert with_batch_statistics(deep, prior)(image.expand(1, 3, 64, 64)).isfinite().all()


def test_batch_statistics_undo_a_change_of_gain():
    told = access()
    network = source_model.timm_network(told, TimmRecipe(**LONGER), "random", None)
    images = told.val.batch(slice(None))
    plain = training.Classifier(copy.deepcopy(network))
    adapted = training.Classifier(with_batch_statistics(network, 0.0))

    def change(predict):
        return float((predict(images) - predict(images * 0.25)).abs().mean())

    assert change(plain) > 0.01
    assert change(adapted) < 0.1 * change(plain)


def test_networks_without_batch_norm_cannot_adapt():
    with pytest.raises(MedshiftError, match="no batch norm to adapt"):
        with_batch_statistics(torch.nn.Linear(2, 2), 0.0)
