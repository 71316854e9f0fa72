"""Numbers over cells: right values by hand, and intervals that hold them."""

from __future__ import annotations

import math
from collections import Counter
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.boards import cell, stands_at, trainings

from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.studies.findings import Measured, verdict
from medshift.benchmark.studies.grid.contrasts import (
    ONE_SEED,
    _crossing,
    _monotone,
    correlation,
    resampled,
    saved,
    share,
    slope,
    weighted_sum,
)


def test_a_difference_is_paired_over_patients_and_seeds():
    one, other = cell((0.80, 0.84, 0.88)), cell((0.70, 0.74, 0.78))
    found = weighted_sum([one, other], [1.0, -1.0], "clean")
    assert found.value == pytest.approx(0.10)
    assert found.seeds == 3
    # the same patients and seeds on both sides: neither the spread over seeds nor that over patients is in it, only
    # what fifty patients without any spread leave open
    assert (found.low, found.high) == pytest.approx((0.10 - 0.0711, 0.10 + 0.0711), abs=1e-4)
    other_patients = weighted_sum([one, cell((0.70, 0.74, 0.78), seed=1)], [1.0, -1.0], "clean")
    assert other_patients.high - other_patients.low > 0.03


def test_only_seeds_that_both_have_are_compared_and_one_seed_is_told():
    found = weighted_sum([cell((0.9, 0.1)), cell((0.8,))], [1.0, -1.0], "clean")
    assert (found.value, found.seeds, found.note) == (
        pytest.approx(0.1),
        1,
        "One seed: the interval is over patients alone.",
    )


def test_the_slope_is_per_doubling_on_a_log_scale():
    positions = [32, 64, 128]
    cells = [cell((0.5 + 0.05 * place,)) for place in range(3)]
    assert weighted_sum(cells, slope(positions, log=True), "clean").value == pytest.approx(0.05)
    assert weighted_sum(cells, slope([0, 1, 2], log=False), "clean").value == pytest.approx(0.05)


def test_the_share_of_a_change_that_the_lowest_stages_give():
    three = [cell((0.60, 0.62)), cell((0.68, 0.70)), cell((0.70, 0.72))]
    found = share(three, "clean")
    assert found.value == pytest.approx(0.8)
    assert found.low <= 0.8 <= found.high
    flat = share([cell((0.60, 0.62)), cell((0.5, 0.7), seed=1), cell((0.60, 0.63), seed=2)], "clean")
    assert math.isnan(flat.value)
    assert flat.note.startswith("The whole change, +.005 [")
    assert flat.note.endswith("is not shown to differ from none: no share of it is.")
    alone = share([cell((0.60,)), cell((0.61,), seed=1), cell((0.60,), seed=2)], "clean")
    assert alone.note.startswith("The whole change, .000 [")
    assert alone.note.endswith("no share of it is. One seed: the interval is over patients alone.")


@pytest.mark.parametrize(
    ("ours", "theirs", "value", "note"),
    [
        # halfway, on the logarithm, between 10 % and 100 %: a fraction of 10 ** -.5
        ((0.6, 0.7, 0.9), 0.8, 1 - 10**-0.5, ""),
        ((0.6, 0.7, 0.9), 0.7, 0.9, ""),
        ((0.6, 0.7, 0.9), 0.5, 0.99, "At least: the least fraction, 0.01, is already as good."),
        ((0.6, 0.7, 0.9), 0.95, 0.0, "It is not as good with all its labels."),
        (
            (0.7, 0.6, 0.9),
            0.64,
            0.99,
            "At least: the least fraction, 0.01, is already as good.",
        ),  # pooled: .65, .65, .9
    ],
)
def test_labels_saved_are_read_from_the_curve_backwards(ours, theirs, value, note):
    cells = [cell((each,), spread=1e-6) for each in ours]
    found = saved(cells, cell((theirs,), spread=1e-6), (0.01, 0.1, 1.0), "clean")
    assert found.value == pytest.approx(value, abs=1e-3)
    assert found.note == f"{note} {ONE_SEED}".strip()


def test_an_end_of_labels_saved_at_the_least_fraction_is_open():
    ours = [cell((each,), spread=0.02, seed=place) for place, each in enumerate((0.78, 0.85, 0.9))]
    found = saved(ours, cell((0.8,), spread=0.02, seed=9), (0.04, 0.1, 1.0), "clean")
    assert found.low < found.value < 0.96
    assert found.high == pytest.approx(0.96)
    assert found.text.endswith(", ≥ +.960]")
    open_end = "Its upper end is open: in resamples, the least fraction, 0.04, is already as good."
    assert found.note == f"{ONE_SEED} {open_end}"
    assert verdict(found, 0.0, None) == "supported"
    assert verdict(found, 0.0, 0.97) == "not shown"  # it may be .99 as well
    least = saved(ours, cell((0.5,), spread=1e-6), (0.04, 0.1, 1.0), "clean")
    assert least.text == "≥ +.960 [≥ +.960, ≥ +.960]"
    none = saved(ours, cell((0.99,), spread=1e-6), (0.04, 0.1, 1.0), "clean")
    assert none.text == "≤ .000 [≤ .000, ≤ .000]"
    assert verdict(none, 0.0, None) == "refuted"


@pytest.mark.parametrize("target", [0.51, 0.535])
def test_an_interval_of_labels_saved_holds_a_share_beyond_the_least_fraction(target):
    """Curve of .54 at 4 % and .66 at 8 %, of 8 patients and three seeds, continued below by its first slope."""
    fractions, curve = (0.04, 0.08, 0.32, 1.0), (0.54, 0.66, 0.80, 0.83)
    rng = np.random.default_rng(7)
    beyond = math.log(0.04) + (target - 0.54) * math.log(2) / 0.12
    truth = 1 - math.exp(beyond)

    def of_patients(middle, patients, drawn):
        own = middle + patients + rng.normal(0, 0.03, (3, 8)) + rng.normal(0, 0.02, 3)[:, None]
        each = np.concatenate([own.mean(1)[:, None], own @ drawn.T], axis=1)
        found = Estimate(float(each[:, 0].mean()), each[:, 1:].mean(0), units=8.0, bounds=(0, 1), by_seed=each)
        return SimpleNamespace(seeds=(0, 1, 2), estimate=lambda figure, seeds=(): found)

    held = []
    for _ in range(20):
        drawn, patients = rng.multinomial(8, np.full(8, 1 / 8), size=200) / 8, rng.normal(0, 0.04, 8)
        cells = [of_patients(middle, patients, drawn) for middle in curve]
        low, high = saved(cells, of_patients(target, patients, drawn), fractions, "shifted").held
        held.append(low <= truth <= high)
    assert np.mean(held) >= 0.9


def test_the_interval_of_labels_saved_is_wide_where_the_curve_is_flat():
    steep = [cell((each,), spread=0.02, seed=place) for place, each in enumerate((0.5, 0.7, 0.9))]
    flat = [cell((each,), spread=0.02, seed=place) for place, each in enumerate((0.79, 0.80, 0.81))]
    widths = [
        (found := saved(cells, cell((0.8,), spread=0.02, seed=9), (0.01, 0.1, 1.0), "clean")).high - found.low
        for cells in (steep, flat)
    ]
    assert widths[0] < 0.5 < widths[1]


def test_few_patients_widen_a_resampled_interval_as_they_widen_a_sum():
    five = [cell((each,), seed=place, replicates=4000, units=5.0) for place, each in enumerate((0.7, 0.6))]
    ends = [
        (found.low, found.high)
        for found in (
            weighted_sum(five, [1.0, -1.0], "clean"),
            resampled(five, "clean", lambda figures: figures[0] - figures[1], lambda figures: ""),
        )
    ]
    assert ends[1] == pytest.approx(ends[0], abs=0.002)
    assert ends[0][1] - ends[0][0] == pytest.approx(2 * 2.776 * math.sqrt(5 / 4 * 2) * 0.01, rel=0.05)  # t of 4


def test_a_single_patient_saves_no_labels_for_sure():
    cells = [cell((each,), spread=0.0, units=1.0) for each in (0.6, 0.7, 0.9)]
    found = saved(cells, cell((0.8,), spread=0.0, units=1.0), (0.01, 0.1, 1.0), "clean")
    assert found.value == pytest.approx(1 - 10**-0.5)
    assert math.isnan(found.low)
    assert found.note == "No interval: too few patients."
    assert verdict(found, 0.0, None) == "not shown"


def test_a_crossing_needs_figures():
    assert math.isnan(_crossing(np.array([0.0, 1.0]), np.array([0.5, np.nan]), 0.4))
    assert _monotone(np.array([3.0, 1.0, 2.0, 5.0])).tolist() == [2.0, 2.0, 2.0, 5.0]


def test_the_rank_correlation_is_spearmans_and_needs_three():
    cells = [cell((each,), spread=1e-9) for each in (0.5, 0.7, 0.6, 0.9)]
    assert correlation(cells, [70, 71, 72, 73], "clean").value == pytest.approx(0.8)
    few = correlation(cells[:2], [70, 71], "clean")
    assert (math.isnan(few.value), few.note) == (True, "A rank correlation needs 3 cells or more; finished: 2.")


@pytest.mark.parametrize("count", [4, 5, 6])
def test_a_rank_correlation_holds_for_other_networks_too(count):
    """Where nothing is related, chance may order few networks: of all orders, each verdict has its 2.5 % at most."""
    cells = [cell((value,), 1e-9, replicates=20) for value in np.linspace(0.5, 0.9, count)]
    found = [correlation(order, range(count), "clean") for order in permutations(cells)]
    verdicts = Counter(verdict(each, 0.0, None) for each in found)
    assert max(verdicts["supported"], verdicts["refuted"]) <= 0.025 * len(found)
    assert verdict(found[0], 0.0, None) == ("supported" if count > 4 else "not shown")  # a perfect order
    if count > 4:
        assert found[0].note.endswith(" The interval holds for other networks, too, but not for other seeds.")
        assert found[0].varied_over == "patients alone and other networks"


@pytest.mark.parametrize(("figure", "worse"), [("clean", (0.8, 0.7, 0.6)), ("drop", (0.1, 0.2, 0.3))])
def test_of_a_loss_there_is_no_share_of_a_gain(figure, worse):
    found = share([cell((each, each + 0.01), spread=0.001) for each in worse], figure)
    assert math.isnan(found.value)
    assert found.note.endswith("is a loss, and only gains have shares.")
    assert share([cell((each, each + 0.01), spread=0.001) for each in worse[::-1]], figure).value == pytest.approx(0.5)


def test_a_gain_is_shown_at_the_level_and_over_the_seeds_of_its_share():
    """Of two cells, the last is first at their level, .88; with the one between, it is second, at .71."""
    first, last = [*[0.75] * 8, 0.9, 0.9], stands_at(400)
    cells = [trainings(*[course] * 3) for course in (first, [0.6, *[0.72] * 9], last)]
    assert weighted_sum([cells[0], cells[2]], [-1.0, 1.0], "common-95").high < 0
    found = share(cells, "common-95")
    assert math.isnan(found.value)
    assert "is a loss, and only gains have shares. The level is .709 on source validation." in found.note
    alone = share([cell((0.6, 0.6, 0.6)), cell((0.61,)), cell((0.6, 0.6, 0.6), seed=1)], "clean")
    assert alone.seeds == 1


def test_one_seed_is_told_of_every_number():
    three = [cell((each,), seed=place) for place, each in enumerate((0.6, 0.7, 0.8))]
    assert share(three, "clean").note == ONE_SEED
    assert ONE_SEED in saved(three, cell((0.65,), seed=7), (0.04, 0.1, 1.0), "clean").note
    assert ONE_SEED not in correlation(three, (1, 2, 3), "clean").note  # without an interval


def test_intervals_of_steps_are_not_over_patients():
    found = weighted_sum([trainings(*[stands_at(300)] * 3), trainings(*[stands_at(200)] * 3)], [1.0, -1.0], "steps-95")
    assert found.varied_over == "3 seeds and the distance between evaluations"
    assert weighted_sum([cell((0.6, 0.7))], [1.0], "clean").varied_over == "patients and 2 seeds"


def test_three_seeds_that_scatter_widen_a_resampled_interval_as_students_t_does():
    calm = share([cell((0.60, 0.60, 0.60)), cell((0.7, 0.7, 0.7)), cell((0.8, 0.8, 0.8))], "clean")
    wild = share([cell((0.58, 0.60, 0.62)), cell((0.68, 0.72, 0.70)), cell((0.79, 0.80, 0.81))], "clean")
    assert wild.high - wild.low > 3 * (calm.high - calm.low)


@pytest.mark.parametrize(
    ("low", "high", "least", "most", "said"),
    [
        (-0.01, 0.01, -0.02, 0.02, "supported"),
        (-0.01, 0.03, -0.02, 0.02, "not shown"),
        (0.03, 0.05, -0.02, 0.02, "refuted"),
        (0.01, 0.05, 0.0, None, "supported"),
        (0.0, 0.05, 0.0, None, "not shown"),
        (-0.05, 0.0, 0.0, None, "refuted"),  # equality refutes `larger`
        (-0.05, -0.01, None, 0.0, "supported"),
        (0.0, 0.01, None, 0.0, "refuted"),
        (math.nan, math.nan, 0.0, None, "not shown"),
    ],
)
def test_a_verdict_rests_on_the_whole_interval(low, high, least, most, said):
    assert verdict(Measured((low + high) / 2, low, high), least, most) == said


def test_steps_are_between_none_and_the_whole_schedule_however_seeds_differ():
    found = resampled(
        [trainings(stands_at(100), stands_at(1000))], "steps-95", lambda figures: figures[0], lambda _: ""
    )
    assert 0 <= found.low < found.value < found.high <= 1000


def test_equal_steps_of_all_seeds_are_as_uncertain_as_evaluations_lie_apart():
    cell = trainings(*[stands_at(200)] * 3)
    assert (cell.steps("steps-95").low, cell.steps("steps-95").high) == pytest.approx((100, 200))
    # a difference of one evaluation in every seed may be none: nobody looked between two evaluations
    found = weighted_sum([trainings(*[stands_at(300)] * 3), cell], [1.0, -1.0], "steps-95")
    assert found.value == pytest.approx(100, abs=3)
    assert found.low < 20
    assert found.high > 150


def test_a_training_that_is_there_by_its_first_evaluation_has_at_most_those_steps():
    found = trainings(*[stands_at(100)] * 3).steps("steps-95")
    assert (found.at_most, found.value, found.low, found.high) == (True, pytest.approx(100), 0, pytest.approx(100))
    told = weighted_sum([trainings(*[stands_at(100)] * 3), trainings(*[stands_at(200)] * 3)], [1.0, -1.0], "steps-95")
    assert told.note == "A training was there by its first evaluation, after which its steps count."


def test_the_best_of_many_evaluations_at_chance_is_no_gain():
    flat = [0.52, *[0.505] * 8, 0.51]
    found = trainings(flat, flat, flat, final=0.51)
    assert math.isnan(found.steps("steps-95").value)
    none = weighted_sum([found, trainings(*[stands_at(200)] * 3)], [1.0, -1.0], "common-95")
    assert math.isnan(none.value)
    assert none.note == "The course of a training was not kept, or one gained nothing that is told from chance."


def test_steps_to_a_common_level_compare_networks_that_end_elsewhere():
    lower = [[0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8 + 0.001 * seed] for seed in range(3)]
    higher = [[0.62, 0.72, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.94, 0.95 + 0.001 * seed] for seed in range(3)]
    cells = [trainings(*higher), trainings(*lower)]
    assert weighted_sum(cells, [1.0, -1.0], "steps-95").low > 0  # by its own gain, the better network is the slower one
    found = weighted_sum(cells, [1.0, -1.0], "common-95")
    assert found.value < 0
    assert found.note == "The level is .785 on source validation."
