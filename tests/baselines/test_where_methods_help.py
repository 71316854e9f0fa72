"""Training-time methods help where each is known to, on shifts made for that."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from helpers.images.stripes import Small, low_contrast, pictures, problem

from medshift.baselines.adaptation import coral_mmd, dann, fda, mcc
from medshift.baselines.common import training
from medshift.baselines.common.recipe import TimmRecipe
from medshift.baselines.generalisation import histogram_matching
from medshift.baselines.test_time.batch_norm import with_batch_statistics
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Images, Labelled


def right(network, images):
    """Returns the share of images whose class a network tells."""
    with torch.inference_mode():
        return float((network.eval()(images.batch(slice(None))).argmax(1).numpy() == images.labels).mean())


def trained(told, recipe, build, loss=training.cross_entropy):
    """Returns a network trained as `source_network` does it."""
    with training.seeded(told):
        network = build()
        if hasattr(loss, "equip"):
            loss.equip(network)
        training.train(network, told, recipe, loss)
    return network


SHORT = TimmRecipe(steps=80, patience=1, batch_size=16, lr=1e-3)


@pytest.fixture(scope="module")
def blind():
    """The plain source model: sure of the source's stripes, blind to the target's, which have less contrast."""
    network = trained(problem(low_contrast), SHORT, Small)
    assert right(network, pictures(200, 6)) > 0.95
    assert right(network, pictures(200, 5, low_contrast)) < 0.7
    return network


LOSSES = {
    "coral": lambda told, recipe: coral_mmd.AlignmentLoss(told, "coral", 1.0),
    "mmd": lambda told, recipe: coral_mmd.AlignmentLoss(told, "mmd", 0.2),
    "dann": lambda told, recipe: dann.AdversarialLoss(told, recipe, 1.0, conditional=False),
    "cdan": lambda told, recipe: dann.AdversarialLoss(told, recipe, 1.0, conditional=True),
    "mcc": lambda told, recipe: mcc.ClassConfusionLoss(told, 2.5, 1.0),
    "fda": lambda told, recipe: fda.FourierSwapLoss(told, 0.05),
}


@pytest.mark.parametrize("method", LOSSES)
def test_adaptation_in_training_helps_under_a_change_of_contrast(blind, method):
    """Much of it is the batch norms', which see both domains: with the weight 0, `dann` helps as much here."""
    told = problem(low_contrast)
    adapted = trained(told, SHORT, Small, LOSSES[method](told, SHORT))
    target = pictures(200, 5, low_contrast)
    assert right(adapted, target) > right(blind, target) + 0.25
    assert right(adapted, pictures(200, 6)) > 0.95


def test_less_confusion_is_what_minimising_it_brings():
    told = moving_nuisances()
    plain, sure = (trained(told, LONG, Points, mcc.ClassConfusionLoss(told, 2.5, weight)) for weight in (0.0, 1.0))
    target = points(300, 4, 1).batch(slice(None))
    with torch.inference_mode():
        before, after = (float(mcc.class_confusion(network(target), 2.5)) for network in (plain, sure))
    assert after < before - 0.02


def test_batch_statistics_and_histograms_help_under_a_change_of_contrast(blind):
    told, target = problem(low_contrast), pictures(200, 5, low_contrast)
    assert right(with_batch_statistics(copy.deepcopy(blind), 0.0), target) > 0.95
    matched = trained(told, SHORT, lambda: histogram_matching.HistogramMatched(Small(), told.train))
    assert right(matched, target) > 0.95
    assert right(matched, pictures(200, 6)) > 0.95


class Points(torch.nn.Module):
    """A network without norms on the means of channels."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU())
        self.head = torch.nn.Linear(16, 2)

    def features(self, images):
        return self.body(images.mean((2, 3)) * 2 - 1)

    def forward(self, images):
        return self.head(self.features(images))


def points(count, seed, moved):
    """Returns flat images whose first channel tells the class; the five others lie still, or `moved` together."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    sign = 0.5 + 0.1 * (2 * labels - 1) + rng.normal(0, 0.04, count)
    nuisance = 0.5 + rng.uniform(0.2, 0.5, (count, 1)) * moved + rng.normal(0, 0.01, (count, 5))
    values = np.concatenate([sign[:, None], nuisance], 1).clip(0, 1).astype(np.float32)
    pixels = np.ascontiguousarray(np.broadcast_to(values[:, :, None, None], (count, 6, 4, 4)))
    return Labelled(pixels, (0.0, 1.0), labels.astype(np.int64))


LONG = TimmRecipe(steps=240, patience=1, batch_size=32, lr=3e-3)


def moving_nuisances():
    targets = {"target": Images(points(200, 3, 1).pixels, (0.0, 1.0))}
    source, val = points(200, 1, 0), points(100, 2, 0)
    return Access(("a", "b"), 6, (4, 4), source, val, targets, 0, torch.device("cpu"), "x", lambda line: None)


@pytest.fixture(scope="module")
def following():
    """A plain source model, of a start by which it follows the nuisances."""
    return trained(moving_nuisances(), LONG, Points)


@pytest.mark.parametrize(
    ("method", "margin"),
    [("coral", 0.05), ("mmd", 0.15), ("dann", 0.1), pytest.param("cdan", 0.1, marks=pytest.mark.slow)],
)
def test_alignment_itself_helps_under_a_covariate_shift(following, method, margin):
    """Nuisances that lie still in the source and move in the target; no batch norm that could undo it.

    Of one start, by which the plain model follows the nuisances: of many others it does not, and has nothing to gain.
    """
    told = moving_nuisances()
    # few features, so that the mean over the covariance's entries is small: a weight to match
    loss = coral_mmd.AlignmentLoss(told, "coral", 30.0) if method == "coral" else LOSSES[method](told, LONG)
    adapted = trained(told, LONG, Points, loss)
    assert right(following, points(100, 2, 0)) > 0.95
    assert right(adapted, points(300, 4, 1)) > right(following, points(300, 4, 1)) + margin
