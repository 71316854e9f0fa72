"""What no resample varies: how far a figure is open for it, and that few patients of one class show little."""

import itertools
import math

import numpy as np
import pytest

from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.scoring.bootstrap import ResampledSplit, resample_counts
from medshift.benchmark.scoring.estimate import intervals_of, mean, weighted
from medshift.benchmark.scoring.intervals import unseen
from medshift.benchmark.scoring.metrics import metrics_by_name
from medshift.benchmark.scoring.scores import estimate_conditions
from medshift.benchmark.scoring.still import Still, combined, openness

REAL = Condition("site", "real")


def estimates(sick, fine, wrong=(), names=("balanced_accuracy", "sensitivity", "specificity"), where="site"):
    """Score patients with one image each, of whom some, by number, are wrong; the sick come first."""
    labels = np.repeat([1, 0], [sick, fine])
    right = ~np.isin(np.arange(len(labels)), wrong)
    sure = np.where(right, labels, 1 - labels) * 0.8 + 0.1
    split = ResampledSplit(labels, np.arange(len(labels)), resample_counts(len(labels), 400, 0, "still"))
    condition = Condition(where, "real")
    given = {where: np.stack([1 - sure, sure], axis=1)}
    return estimate_conditions(metrics_by_name(names), [condition], {(where, "test"): split}, given, np.full(2, 0.5))[
        where
    ]


@pytest.mark.parametrize("tail", [0.025, 0.05])
def test_one_part_is_open_as_clopper_and_pearson_say(tail):
    assert openness([Still("a", 1.0, 12)], tail) == pytest.approx(1 - tail ** (1 / 12))
    assert openness([Still("a", 0.5, 12)], tail) == pytest.approx((1 - tail ** (1 / 12)) / 2)


@pytest.mark.parametrize("groups", [(6, 60), (50, 50), (3, 5), (20, 400)])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.9, 0.1)])
def test_several_parts_are_open_as_far_as_a_search_finds(groups, weights):
    shares = np.linspace(0, 0.999, 1000)
    seen = groups[0] * np.log(1 - shares)[:, None] + groups[1] * np.log(1 - shares)
    far = weights[0] * shares[:, None] + weights[1] * shares
    parts = [Still(str(number), *pair) for number, pair in enumerate(zip(weights, groups, strict=True))]
    for order in itertools.permutations(parts):
        assert openness(order, 0.05) == pytest.approx(far[seen >= math.log(0.05)].max(), abs=0.003)


def test_parts_of_one_place_add_up_and_in_a_difference_do_not_cancel():
    one, two = (Still("a", 0.5, 6.0),), (Still("a", 0.5, 6.0), Still("b", 0.5, 9.0))
    assert combined([one, two], [0.5, 0.5]) == (Still("a", 0.5, 6.0), Still("b", 0.25, 9.0))
    assert combined([one, two], [1, -1]) == (Still("a", 0.5, 6.0), Still("b", 0.5, 9.0))
    assert combined([(), ()], [1, -1]) == combined([one, two], [0, 0]) == ()


def test_sensitivity_and_specificity_rest_on_the_patients_of_their_class():
    found = estimates(20, 60)
    for name, patients in (("sensitivity", 20), ("specificity", 60)):
        assert (found[name].samples, found[name].groups, found[name].units) == (patients, patients, patients)
        assert intervals_of([found[name]], 0.05)[0][0] == pytest.approx(0.05 ** (1 / patients))


def test_a_class_without_errors_in_few_patients_leaves_balanced_accuracy_open():
    none, two = (estimates(6, 60, wrong)["balanced_accuracy"] for wrong in ((), (10, 30)))
    assert none.interval == (pytest.approx(1 - unseen(6) / 2, abs=0.001), 1.0)
    assert none.interval[0] > two.interval[0]  # more errors never show more
    assert two.value - two.interval[0] > unseen(6) / 2


def test_a_mean_is_as_open_as_its_parts():
    sites = [estimates(6, 60, wrong, where=str(wrong))["balanced_accuracy"] for wrong in ((), (10,), (0, 30))]
    whole = mean(sites)
    assert {part.where: part.weight for part in whole.still} == pytest.approx(
        {"()/test 1": 1 / 6, "()/test 0": 1 / 6, "(10,)/test 1": 1 / 6}
    )
    assert whole.value - whole.interval[0] > unseen(6) / 6


def test_a_difference_of_nothing_on_the_same_patients_is_open_for_each_class():
    found = estimates(6, 60)["balanced_accuracy"]
    low, high = weighted([found, found], [1, -1]).interval
    assert (low, high) == (pytest.approx(-unseen(6) / 2, abs=0.001), pytest.approx(unseen(6) / 2, abs=0.001))


def test_a_limit_that_the_truth_misses_is_seldom_met_by_few_patients_of_a_class():
    rng, bounds = np.random.default_rng(0), []
    for _ in range(300):
        wrong = np.flatnonzero(rng.random(65) < np.repeat([0.3, 0.02], [5, 60]))
        bounds.append(intervals_of([estimates(5, 60, wrong, ("balanced_accuracy",))["balanced_accuracy"]], 0.05)[0][0])
    assert np.mean(np.array(bounds) > 0.841) <= 0.05  # the truth is .84
