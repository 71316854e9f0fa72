"""Steps to a share of the gain: by hand, and over seeds."""

import math

import pytest

from medshift.benchmark.contract.training_record import Curve
from medshift.benchmark.submissions.learning_speed import StepsTo, steps_over_seeds, steps_to

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
        ((1.0, 0.6, 1.0), 300, 0.9, 2, 90),  # the first time, on the line from guessing at step 0
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
    assert found == (steps if steps is None else pytest.approx(steps))


def test_a_metric_without_a_score_of_guessing_starts_at_the_first_evaluation_and_may_fall():
    assert steps_to(course((0.8, 0.4, 0.3), "brier"), 300, 0.8, 2) == pytest.approx(200)
    assert steps_to(course((0.3, 0.4), "brier"), 200, 0.8, 2) is None


@pytest.mark.parametrize(
    ("steps", "expected", "text"),
    [
        ((240.0,), (240, NAN, NAN, 1, 0), "240"),
        ((300.0, 300.0), (300, 300, 300, 2, 0), "300 [300, 300]"),
        # the mean of the logarithms is that of 200, their spread ln 2, Student's quantile of two degrees 4.3027
        ((100.0, 200.0, 400.0), (200, 200 / 5.5947, 200 * 5.5947, 3, 0), "200 [36, 1,119]"),
        ((100.0, None, 400.0), (NAN, NAN, NAN, 3, 1), "none: 1 of 3 gained nothing"),
        ((), (NAN, NAN, NAN, 0, 0), "–"),
    ],
)
def test_mean_and_interval_over_seeds(steps, expected, text):
    found = steps_over_seeds(steps)
    assert (found.value, found.low, found.high) == pytest.approx(expected[:3], rel=1e-4, nan_ok=True)
    assert (found.seeds, found.without, found.text) == (*expected[3:], text)


def test_seeds_that_lie_far_apart_have_an_interval_that_can_be_printed():
    assert isinstance(steps_over_seeds([1.0, 2.0**62]), StepsTo)
    assert "inf" not in steps_over_seeds([1.0, 2.0**62]).text
