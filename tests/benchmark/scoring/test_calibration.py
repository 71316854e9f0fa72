"""The interval of the calibration error allows for the error that few samples add, and for errors not yet seen."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from medshift.benchmark.scoring import bootstrap, calibration
from medshift.benchmark.scoring.estimate import Estimate, mean, weighted
from medshift.benchmark.scoring.metrics import ece


@cache
def drawn(groups):
    return np.concatenate([np.ones((1, groups)), bootstrap.resample_counts(groups, 200, 0, "ece")])


def estimated(labels, second, groups):
    weights = drawn(int(groups.max()) + 1)
    stated = np.stack([1 - second, second], axis=1)
    values = ece(labels, stated, groups, weights)
    ((value, replicates, excess),) = calibration.corrected(labels, stated[None], groups, values[None])
    units = float(groups.max() + 1)
    return Estimate(value, replicates, units=units, bounds=(0.0, 1.0), excess=excess, usual=float(values[0]))


def study(groups, state, seed):
    """Draw a model whose true probabilities are uniform and that states them as `state` makes them."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(groups), 2)
    true = rng.uniform(0, 1, len(owner))
    return estimated((rng.random(len(owner)) < true).astype(np.int64), state(true), owner)


@pytest.mark.parametrize("groups", [20, 60, 200])
def test_a_calibrated_model_may_have_no_error_and_a_bad_one_has_its_own(groups):
    hits = [study(groups, lambda p: p, seed).interval[0] <= 1e-9 for seed in range(20)]
    assert sum(hits) >= 17
    # stating .95 for the more probable class where .75 are right: an error of .2
    bad = [study(groups, lambda p: np.where(p > 0.5, 0.95, 0.05), seed).interval for seed in range(20)]
    assert sum(low <= 0.2 <= high for low, high in bad) >= 18
    assert np.mean([low for low, _ in bad]) > {20: 0.02, 60: 0.08, 200: 0.13}[groups]


@pytest.mark.parametrize(("groups", "most"), [(24, 0.16), (60, 0.08)])
def test_a_model_that_is_sure_and_right_is_uncertain_as_far_as_errors_may_be_unseen(groups, most):
    owner = np.arange(groups)
    found = estimated(owner % 2, np.where(owner % 2 == 1, 0.994, 0.006), owner)
    assert found.value == pytest.approx(0.006)
    low, high = found.interval
    assert low == 0  # an error in 167 would make it calibrated
    assert 1 - 0.025 ** (1 / groups) <= high <= most


@pytest.mark.parametrize("groups", [20, 60, 200])
def test_the_figure_is_less_biased_than_the_usual_one_and_lies_in_its_interval(groups):
    calibrated = [study(groups, lambda p: p, seed) for seed in range(20)]
    assert np.mean([found.value for found in calibrated]) < 0.5 * np.mean([found.claimed for found in calibrated])
    bad = [study(groups, lambda p: np.where(p > 0.5, 0.95, 0.05), seed) for seed in range(20)]
    assert np.mean([found.value for found in bad]) == pytest.approx(0.2, abs=0.025)
    assert all(found.interval[0] <= found.value <= found.interval[1] for found in calibrated + bad)


# a bin of samples called with .9: gaps of .1 where right and -.9 where wrong, .1 less the error rate on average; the
# squared standard error of this mean is rate (1 - rate) / (n - 1)
@pytest.mark.parametrize(
    ("right", "wrong", "value", "below", "above"),
    [
        # the standard error is above half of the gap, which may be noise
        (15, 5, (0.15**2 - 0.25 * 0.75 / 19) ** 0.5, (0.25 * 0.75 / 19) ** 0.5, 0),
        # one of four wrong: Clopper and Pearson's upper end is .806; Student's quantile 3.182
        (3, 1, 0, *[0.8059 - 0.25 - 3.1824 * (4 / 3) ** 0.5 * 0.05] * 2),
        # all three wrong: there is nothing unseen, and the gap is real
        (0, 3, 0.9, 0, 0),
        # a gap of .8 is real
        (10, 90, (0.8**2 - 0.09 / 99) ** 0.5, (0.8**2 + 0.09 / 99) ** 0.5 - 0.8, 0),
    ],
)
def test_the_figure_and_the_excess_by_hand(right, wrong, value, below, above):
    labels, second = np.repeat([1, 0], [right, wrong]), np.full(right + wrong, 0.9)
    usual = abs(0.1 - wrong / (right + wrong))
    given = np.stack([1 - second, second], axis=1)
    (found,) = calibration.corrected(labels, given[None], np.arange(right + wrong), np.array([[usual, 0.1, 0.2]]))
    assert found.value == pytest.approx(value)
    assert found.replicates == pytest.approx([value - 0.05, value + 0.05])
    # the interval is that of the usual figure: only its middle has moved
    assert found.excess == pytest.approx((max(0, below - usual + value), above + usual - value), abs=1e-4)


@pytest.mark.parametrize("groups", [[], [0, 0, 0]])
def test_without_several_groups_nothing_shows_noise(groups):
    given = np.full((len(groups), 2), 0.5)
    values = np.array([0.5 if groups else np.nan])
    (found,) = calibration.corrected(
        np.zeros(len(groups), np.int64), given[None], np.array(groups, np.int64), values[None]
    )
    assert found.value == pytest.approx(values[0], nan_ok=True)
    assert found.excess == (0, 0)


def test_means_and_differences_carry_it_on():
    one, other = (
        Estimate(v, np.full(9, v), units=9, bounds=(0, 1), excess=e) for v, e in ((0.2, (0.1, 0)), (0.4, (0.2, 0.1)))
    )
    assert mean([one, other]).excess == pytest.approx((0.15, 0.05))
    assert weighted([one, other], [1, -1]).excess == pytest.approx((0.2, 0.2))
    assert mean([one, other]).interval == pytest.approx((0.15, 0.35))
