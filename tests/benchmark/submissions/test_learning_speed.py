"""Steps to a share of the gain: by hand, and over seeds."""

import math

import numpy as np
import pytest

from medshift.benchmark.contract.training_record import Curve
from medshift.benchmark.submissions.learning_speed import (
    Reached,
    StepsTo,
    common_level,
    gain_of,
    steps_over_seeds,
    steps_to,
)

NAN = math.nan


def course(figures, metric="balanced_accuracy"):
    rows = [(100 * n, n / 1.0, 3200 * n, 0.001, 0.5, 0.5, figure, 1.0 * n) for n, figure in enumerate(figures, 1)]
    return Curve.of_rows(metric, rows)


@pytest.mark.parametrize(
    ("figures", "kept", "share", "classes", "steps"),
    [
        ((0.5, 0.9, 1.0), 300, 0.9, 2, 250),  # of a gain of .5 over guessing: .95, half-way from .9 to 1.0
        ((0.5, 0.9, 1.0), 300, 0.95, 2, 275),
        ((0.5, 0.9, 1.0), 300, 1.0, 2, 300),
        ((0.5, 0.9, 1.0), 200, 0.5, 2, 150),  # the kept figure counts, not the best
        ((1.0, 0.6, 1.0), 300, 0.9, 2, 100),  # the first time, and nothing was seen before the first evaluation
        ((0.4, 0.7), 200, 0.5, 4, 100 + 100 * 0.075 / 0.3),  # guessing is 1/4: half the gain is .475
        ((0.2, 0.8), 200, 0.5, 2, 100 + 100 * 0.45 / 0.6),  # below guessing at first
        ((0.5, 0.5), 200, 0.9, 2, None),
        ((0.9, 0.4), 200, 0.9, 2, None),  # what is kept is worse than guessing
        ((None, None), 200, 0.9, 2, None),
        ((0.5, 0.9), 150, 0.9, 2, None),  # kept at no evaluation
    ],
)
def test_steps_by_hand(figures, kept, share, classes, steps):
    found = steps_to(course(figures), kept, share, classes)
    assert (found and found.step) == (steps if steps is None else pytest.approx(steps))


def test_a_metric_without_a_score_of_guessing_starts_at_the_first_evaluation_and_may_fall():
    assert steps_to(course((0.8, 0.4, 0.3), "brier"), 300, 0.8, 2).step == pytest.approx(200)
    assert steps_to(course((0.3, 0.4), "brier"), 200, 0.8, 2) is None


def test_steps_say_between_which_evaluations_they_lie():
    assert steps_to(course((0.5, 0.9, 1.0)), 300, 0.9, 2) == pytest.approx(Reached(250, 200, 300))
    assert steps_to(course((0.99, 0.9, 1.0)), 300, 0.9, 2) == Reached(100, 0, 100)


def test_a_common_level_is_what_all_trainings_reach_and_the_better_one_is_there_first():
    """One is ahead at every evaluation; by a share of its own gain, which is larger, it is the slower one."""
    ahead, behind = course((0.62, 0.74, 0.82, 0.90)), course((0.60, 0.70, 0.80, 0.80))
    gains = [gain_of(each, 400, 2) for each in (ahead, behind)]
    level = common_level(gains, 0.95)
    assert level == pytest.approx(0.5 + 0.95 * 0.3)
    own = [steps_to(each, 400, 0.95, 2).step for each in (ahead, behind)]
    both = [steps_to(each, 400, 0.95, 2, level).step for each in (ahead, behind)]
    assert own[0] > own[1]
    assert both[0] < both[1]
    assert both[1] == pytest.approx(own[1])
    assert steps_to(behind, 400, 0.95, 2, 0.85) is None
    assert (
        common_level([gain_of(course((0.8, 0.2), "brier"), 200, 2), gain_of(course((0.8, 0.5), "brier"), 200, 2)], 1)
        == 0.5
    )


def reached(*steps):
    """Seeds that were seen to be there at evaluations one hundred steps apart."""
    return [each and Reached(each, 100 * ((each - 1) // 100), 100 * ((each - 1) // 100 + 1)) for each in steps]


@pytest.mark.parametrize(
    ("steps", "expected", "text"),
    [
        (reached(240.0), (240, NAN, NAN, 1, 0), "240"),
        # never narrower than from the evaluation before to that at which it was seen
        (reached(250.0, 250.0), (250, 200, 300, 2, 0), "250 [200, 300]"),
        ([Reached(100, 0, 100)] * 3, (100, 0, 100, 3, 0), "≤ 100 [0, 100]"),
        # the mean of the logarithms is that of 200, their spread ln 2, Student's quantile of two degrees 4.3027
        (
            [Reached(each, each, each) for each in (100, 200, 400)],
            (200, 200 / 5.5947, 200 * 5.5947, 3, 0),
            "200 [36, 1,119]",
        ),
        ([Reached(100, 0, 100), Reached(400, 300, 400)], (200, 0, 3000, 2, 0), "≤ 200 [0, 3,000]"),  # of 3,000 steps
        (reached(100.0, None, 400.0), (NAN, NAN, NAN, 3, 1), "none: 1 of 3 gained nothing that is told from chance"),
        ((), (NAN, NAN, NAN, 0, 0), "–"),
    ],
)
def test_mean_and_interval_over_seeds(steps, expected, text):
    found = steps_over_seeds(steps, 3000)
    assert (found.value, found.low, found.high) == pytest.approx(expected[:3], rel=1e-4, nan_ok=True)
    assert (found.seeds, found.without, found.text) == (*expected[3:], text)


def test_draws_of_a_mean_spread_as_its_interval_does():
    found = steps_over_seeds(reached(150.0, 250.0, 350.0))
    low, high = np.quantile(found.varied(100_000, [1]), (0.025, 0.975))
    assert (math.log(low), math.log(high)) == pytest.approx((math.log(found.low), math.log(found.high)), abs=0.15)
    assert np.isnan(steps_over_seeds(reached(150.0)).varied(3, [1])).all()
    assert steps_over_seeds([Reached(100, 0, 100)] * 3).varied(999, [1]).max() == pytest.approx(100)


def test_seeds_that_lie_far_apart_have_an_interval_that_can_be_printed():
    far = [Reached(1.0, 0, 1), Reached(2.0**62, 2.0**61, 2.0**62)]
    assert isinstance(steps_over_seeds(far), StepsTo)
    assert "inf" not in steps_over_seeds(far).text
