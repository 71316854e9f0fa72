"""The test-time methods do what their papers say, against hand-computed cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from medshift.baselines.generalisation.tta import TtaPredictor, views
from medshift.baselines.test_time import lame, t3a
from medshift.baselines.test_time.sar import SarPredictor
from medshift.baselines.test_time.tent import TentPredictor
from medshift.benchmark.contract.search_space import draw_settings


class TwoFeatures(torch.nn.Module):
    """A network whose two features are two pixels and whose last layer is the identity."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)
        self.head = torch.nn.Linear(2, 2, bias=False)
        self.head.weight.data.copy_(torch.eye(2))

    def features(self, images):
        return images.flatten(1)[:, :2]

    def forward(self, images):
        return self.head(self.norm(self.features(images)))


def points(*rows):
    return torch.tensor(rows, dtype=torch.float32).view(-1, 1, 1, 2)


def test_t3a_moves_a_prototype_to_what_it_has_seen():
    predictor = t3a.T3APredictor(TwoFeatures(), supports=2)
    plain = points([1.0, 0.6]).flatten(1).softmax(1)
    first = predictor(points([1.0, 0.6]))
    # the class's prototype: mean of (1, 0) and (1, 0.6) / |.|, then of length 1
    seen = torch.tensor([[1.0, 0.0], [1.0 / 1.36**0.5, 0.6 / 1.36**0.5]]).sum(0)
    weights = torch.stack([seen / seen.norm(), torch.tensor([0.0, 1.0])])
    assert torch.allclose(first, (torch.tensor([[1.0, 0.6]]) @ weights.T).softmax(1), atol=1e-6)
    assert first[0, 0] > plain[0, 0]
    predictor(points([3.0, 0.0], [4.0, 0.0], [5.0, 0.0]))
    assert int((predictor.labels == 0).sum()) == 2  # the surest two alone are kept


def test_tent_grows_surer_and_starts_from_what_the_network_says():
    network = TwoFeatures().eval()
    images = points([1.0, 0.5], [0.2, 0.6], [0.9, 0.1])
    with torch.no_grad():
        plain = network(images).softmax(1)
    predictor = TentPredictor(network, lr=0.05)
    seen = [predictor(images) for _ in range(10)]
    assert torch.allclose(seen[0], plain)
    entropy = [float(-(p * p.log()).sum(1).mean()) for p in seen]
    assert all(after < before for before, after in itertools.pairwise(entropy))
    assert torch.equal(network.head.weight, torch.eye(2))  # norms alone learn


def sar(**changes):
    network = TwoFeatures().eval()
    given = {"lr": 0.1, "margin": 0.9, "rho": 0.5, "reset": 0.0, "frozen": 0.0, **changes}
    return SarPredictor(network, **given)


def entropy_of(logits):
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def test_sar_takes_the_sharpness_aware_step_by_hand():
    predictor, images = sar(), points([3.0, 0.0], [0.4, 0.5], [0.0, 2.0])
    x = images.flatten(1) / (1 + 1e-5) ** 0.5  # the norm of the source: mean 0, variance 1
    assert torch.allclose(predictor(images), x.softmax(1), atol=1e-6)

    def loss(gain, offset, rows):
        return entropy_of(x * gain + offset)[rows].mean()

    sure = entropy_of(x) < 0.9 * np.log(2)
    assert sure.tolist() == [True, False, True]  # the doubtful one does not count
    here = [torch.ones(2, requires_grad=True), torch.zeros(2, requires_grad=True)]
    up = torch.autograd.grad(loss(*here, sure), here)
    length = torch.cat(up).norm()
    there = [(p + 0.5 * g / length).detach().requires_grad_(True) for p, g in zip(here, up, strict=True)]
    down = torch.autograd.grad(loss(*there, sure), there)
    # the step starts from here, not from there; momentum adds nothing in the first; 3 of 32 images
    expected = [(p - 0.1 * 3 / 32 * g).detach() for p, g in zip(here, down, strict=True)]
    assert torch.allclose(predictor.learnt[0], expected[0], atol=1e-6)
    assert torch.allclose(predictor.learnt[1], expected[1], atol=1e-6)
    assert not torch.equal(predictor.learnt[0], torch.ones(2))
    assert predictor.average == pytest.approx(loss(*there, sure).item(), rel=1e-4)
    assert torch.equal(predictor.network.head.weight, torch.eye(2))


@pytest.mark.parametrize(("count", "share"), [(64, 1), (32, 1), (16, 1 / 2), (2, 1 / 16), (1, 1 / 16)])
def test_sar_learns_less_from_small_batches_in_the_authors_proportion(count, share):
    predictor = sar(rho=1e-6)
    predictor(points([3.0, 0.0]).repeat(count, 1, 1, 1))
    assert predictor.optimiser.param_groups[0]["lr"] == pytest.approx(0.1 * share)


def test_sar_learns_nothing_where_nothing_is_sure_and_starts_over_when_all_is():
    doubtful = sar(margin=0.4)
    doubtful(points([0.1, 0.0], [0.0, 0.2]))
    assert doubtful.average is None
    assert torch.equal(doubtful.learnt[0], torch.ones(2))
    one_class = points([3.0, 0.0], [2.5, 0.2], [2.0, 0.1]).repeat(20, 1, 1, 1)
    going, returning, averages, restarts = sar(lr=0.5), sar(lr=0.5, reset=0.2), [], []
    first = returning(one_class)
    for step in range(30):
        going(one_class)
        averages.append(going.average)
        if returning.average is None:
            restarts.append(step)
            assert torch.equal(returning.learnt[0], torch.ones(2))
            assert torch.equal(returning.learnt[1], torch.zeros(2))
            assert torch.equal(returning(one_class), first)  # no momentum is left either
        else:
            returning(one_class)
    assert averages == sorted(averages, reverse=True)
    assert going.average < 0.2 * np.log(2)  # as collapse looks like
    assert restarts
    assert restarts[0] > 1


def test_sar_leaves_the_last_norms_alone():
    network = torch.nn.Sequential(*(torch.nn.BatchNorm1d(2) for _ in range(5))).eval()
    predictor = SarPredictor(network, 0.1, 1.0, 0.05, 0.0, frozen=0.2)
    before = [norm.weight.detach().clone() for norm in network]
    predictor(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    changed = [not torch.equal(norm.weight, was) for norm, was in zip(network, before, strict=True)]
    assert changed == [True] * 4 + [False]


def test_views_are_the_image_mirrored_and_moved():
    images = torch.arange(2 * 1 * 8 * 8, dtype=torch.float32).view(2, 1, 8, 8)
    made = list(views(images, 0.25))  # two pixels
    assert len(made) == 10
    assert torch.equal(made[0], images)
    assert torch.equal(made[1], images.flip(-1))
    up = made[2]  # looks two rows further up: the image comes down
    assert torch.equal(up[..., 2:, :], images[..., :-2, :])
    assert torch.equal(up[..., 0, :], images[..., 2, :])  # mirrored at the edge
    assert len({view.numpy().tobytes() for view in made}) == 10
    unmirrored = list(views(images, 0.25, mirror=False))
    assert len(unmirrored) == 5
    assert all(torch.equal(one, two) for one, two in zip(unmirrored, made[::2], strict=True))
    volume = images.view(1, 1, 2, 8, 8)
    for flat, deep in zip(made, views(volume, 0.25), strict=True):
        assert torch.equal(deep.view(2, 1, 8, 8), flat)


def test_tta_is_the_mean_over_views_and_of_each_image_alone():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).eval()
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    predictor = TtaPredictor(network, 0.1)
    with torch.no_grad():
        expected = torch.stack([network(view).softmax(1) for view in views(images, 0.1)]).mean(0)
    assert torch.allclose(predictor(images), expected, atol=1e-6)
    assert torch.allclose(predictor(images), predictor(images.flip(-1)), atol=1e-6)
    assert torch.allclose(predictor(images)[2:3], predictor(images[2:3]), atol=1e-6)
    sided = TtaPredictor(network, 0.1, mirror=False)
    assert not torch.allclose(sided(images), sided(images.flip(-1)), atol=1e-3)


def test_lame_pulls_a_doubtful_neighbour_over():
    features = torch.tensor([[1.0, 0.0], [0.99, 0.1], [0.98, -0.1], [0.0, 1.0], [0.1, 0.99]])
    probabilities = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.45, 0.55], [0.1, 0.9], [0.1, 0.9]])
    kernel = lame.knn_affinity(features, 2)
    assert torch.equal(kernel, kernel.T)
    assert (kernel.diagonal() == 0).all()
    out = lame.adjust(probabilities, kernel, 100)
    assert out[2, 0] > 0.5
    assert torch.allclose(out.sum(1), torch.ones(5))
    assert torch.allclose(lame.adjust(probabilities, torch.zeros(5, 5), 100), probabilities, atol=1e-6)
    assert lame.knn_affinity(features[:1], 5).tolist() == [[0.0]]


def test_lame_has_the_papers_three_affinities():
    features = torch.tensor([[3.0, 0.0], [0.6, 0.8], [0.0, 2.0]])  # of unit length: at distances .894, .632 and 1.414
    rbf = lame.rbf_affinity(features, 2)
    width = (0.8**0.5 + 0.4**0.5 + 0.4**0.5) / 3  # each with its nearest: itself is the first
    assert float(rbf[0, 2]) == pytest.approx(np.exp(-2.0 / (2 * width**2)), rel=1e-5)
    assert torch.allclose(rbf.diagonal(), torch.ones(3))
    assert torch.allclose(lame.linear_affinity(features, 2)[0], torch.tensor([1.0, 0.6, 0.0]))


@pytest.mark.parametrize("affinity", sorted(lame.AFFINITIES))
def test_lame_leaves_a_single_image_as_the_network_says(affinity):
    network, images = TwoFeatures(), points([1.0, 0.4])
    predictor = lame.LamePredictor(network, lame.AFFINITIES[affinity], 5, 100)
    torch.testing.assert_close(predictor(images), network.features(images).softmax(1))


def test_lame_refuses_a_gaussian_as_wide_as_the_distance_of_an_image_to_itself():
    with pytest.raises(ValueError, match="neighbours must be at least 2 with affinity=rbf"):
        lame.Lame(affinity="rbf", neighbours=1)
    assert lame.Lame(neighbours=1).neighbours == 1
    for number in range(30):  # no draw is one that is refused
        lame.Lame(**draw_settings(lame.Lame.search, 0, number))
