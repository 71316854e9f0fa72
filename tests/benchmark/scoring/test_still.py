"""What no resample varies: how far a figure is open for it, and that few patients of one class show little."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from medshift.benchmark.protocols.condition import Condition
from medshift.benchmark.scoring.bootstrap import ResampledSplit, resample_counts
from medshift.benchmark.scoring.estimate import intervals_of, mean, relative, weighted
from medshift.benchmark.scoring.intervals import unseen
from medshift.benchmark.scoring.metrics import metrics_by_name
from medshift.benchmark.scoring.scores import estimate_conditions
from medshift.benchmark.scoring.still import Still, combined, openness

REAL = Condition("site", "real")


def part(where, down, units, first=0, up=0.0):
    """Return a part seen in some patients, by number."""
    return Still(where, down, up, float(units), frozenset(range(first, first + units)))


def estimates(
    sick, fine, wrong=(), names=("balanced_accuracy", "sensitivity", "specificity"), where="site", first=0, both=False
):
    """Score images, of which some, by number, are wrong; the sick come first.

    Each is of another patient, the first of whom has a number; or else those of both classes are of the same patients.
    """
    labels = np.repeat([1, 0], [sick, fine])
    right = ~np.isin(np.arange(len(labels)), wrong)
    sure = np.where(right, labels, 1 - labels) * 0.8 + 0.1
    groups = np.arange(len(labels)) % sick if both else np.arange(len(labels))
    count = int(groups.max()) + 1
    split = ResampledSplit(labels, groups, resample_counts(count, 400, 0, "still"), first + np.arange(count))
    condition = Condition(where, "real")
    given = {where: np.stack([1 - sure, sure], axis=1)}
    return estimate_conditions(metrics_by_name(names), [condition], {(where, "test"): split}, given, np.full(2, 0.5))[
        where
    ]


@pytest.mark.parametrize("tail", [0.025, 0.05])
def test_one_part_is_open_as_clopper_and_pearson_say(tail):
    assert openness([part("a", 1.0, 12)], tail) == (pytest.approx(1 - tail ** (1 / 12)), 0)
    assert openness([part("a", 0.0, 12, up=0.5)], tail) == (0, pytest.approx((1 - tail ** (1 / 12)) / 2))


@pytest.mark.parametrize("groups", [(6, 60), (50, 50), (3, 5), (20, 400)])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.9, 0.1)])
def test_several_parts_are_open_as_far_as_a_search_finds(groups, weights):
    shares = np.linspace(0, 0.999, 1000)
    seen = groups[0] * np.log(1 - shares)[:, None] + groups[1] * np.log(1 - shares)
    far = weights[0] * shares[:, None] + weights[1] * shares
    parts = [part("a", weights[0], groups[0]), part("b", weights[1], groups[1], first=groups[0])]
    for order in itertools.permutations(parts):
        assert openness(order, 0.05)[0] == pytest.approx(far[seen >= math.log(0.05)].max(), abs=0.003)


def test_parts_of_the_same_patients_may_all_err_in_the_same_ones():
    one, same, two = part("a", 0.5, 6), part("b", 0.5, 6), part("b", 0.5, 60, first=5)
    assert openness([one, same], 0.05)[0] == pytest.approx(unseen(6, 0.05))
    assert openness([one, two], 0.05)[0] == pytest.approx(unseen(6, 0.05) / 2 + unseen(60, 0.05) / 2)
    apart = part("c", 0.5, 6, first=100)
    assert openness([same, one, apart], 0.05)[0] == pytest.approx(unseen(6, 0.05))  # the others are less likely


def test_parts_of_one_place_add_up_and_in_a_difference_do_not_cancel():
    one, two = (part("a", 0.5, 6),), (part("a", 0.5, 6), part("b", 0.5, 9))
    assert combined([one, two], [0.5, 0.5]) == (part("a", 0.5, 6), part("b", 0.25, 9))
    assert combined([one, two], [1, -1]) == (part("a", 0.5, 6, up=0.5), part("b", 0.0, 9, up=0.5))
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


def test_the_brier_score_of_few_patients_is_open_for_errors_that_nobody_saw():
    """It varies between resamples with the probabilities, but no resample shows an error."""
    none, one, many = (estimates(6, 6, wrong, ("brier",))["brier"] for wrong in ((), (3,), range(0, 12, 2)))
    assert none.interval == (pytest.approx(0.02), pytest.approx(0.02 + 1.6 * unseen(12), abs=0.001))
    bare = replace(one, still=()).interval
    assert 0.02 + 1.6 * 0.385 < one.interval[1] < 1  # Clopper and Pearson: up to 38.5 % of 12 of whom one was wrong
    assert bare[1] < one.interval[1]
    assert (one.interval[0], many.still) == (bare[0], ())
    all_wrong = estimates(6, 6, range(12), ("brier",))["brier"]  # one that is right would have .02 instead of 1.62
    assert all_wrong.interval == (pytest.approx(1.62 - 1.6 * unseen(12), abs=0.001), pytest.approx(1.62))
    assert mean([none, none]).interval == none.interval


def test_a_mean_is_as_open_as_its_parts():
    wrongs = ((), (10,), (0, 30))
    sites = [estimates(6, 60, w, where=str(w), first=100 * n)["balanced_accuracy"] for n, w in enumerate(wrongs)]
    whole = mean(sites)
    assert {each.where: each.down for each in whole.still} == pytest.approx(
        {"()/test 1": 1 / 6, "()/test 0": 1 / 6, "(10,)/test 1": 1 / 6}
    )
    assert whole.value - whole.interval[0] > unseen(6) / 6


def test_patients_who_travel_or_have_both_classes_are_counted_once():
    at_home = estimates(6, 6, both=True)["balanced_accuracy"]
    assert at_home.interval == (pytest.approx(1 - unseen(6), abs=0.001), 1.0)
    travelling = mean([estimates(6, 6, both=True, where=str(n))["balanced_accuracy"] for n in range(5)])
    assert travelling.interval == at_home.interval
    others = mean([estimates(6, 6, both=True, where=str(n), first=10 * n)["balanced_accuracy"] for n in range(5)])
    assert others.interval[0] > at_home.interval[0]


def test_a_class_that_is_all_right_leaves_the_upper_end_as_it_is():
    found = estimates(5, 60, range(5, 23))["balanced_accuracy"]  # 42 of 60
    assert intervals_of([found], 0.05)[0][1] < 0.95


def test_a_class_all_right_opens_the_sensitivity_over_several_classes_too():
    labels = np.repeat([0, 1, 2], [60, 60, 3])
    given = np.eye(3)[np.where(np.arange(123) % 10 == 0, (labels + 1) % 3, labels)]
    given[120:] = np.eye(3)[2]
    split = ResampledSplit(labels, np.arange(123), resample_counts(123, 400, 0, "still"))
    names = ("balanced_accuracy", "sensitivity")
    found = estimate_conditions(
        metrics_by_name(names), [REAL], {("site", "test"): split}, {"site": given}, np.full(3, 0.5)
    )
    for name in names:
        assert [(each.where, each.down) for each in found["site"][name].still] == [
            ("site/test 2", pytest.approx(1 / 3))
        ]


def test_a_fraction_kept_is_as_open_as_both_its_parts():
    clean, shifted = estimates(6, 60)["balanced_accuracy"], estimates(6, 60, range(6, 26))["balanced_accuracy"]
    bare = relative(replace(clean, still=()), replace(shifted, still=()), 0.5).interval
    assert relative(clean, shifted, 0.5).interval[0] < bare[0] - unseen(6) / 2


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
