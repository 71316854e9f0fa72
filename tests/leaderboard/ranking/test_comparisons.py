"""Comparisons, tiers and ranks against known cases."""

import math

import numpy as np
import pytest
from scipy import stats

from medshift.benchmark.scoring.bootstrap import resample_counts
from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.scoring.intervals import between_seeds
from medshift.leaderboard.entries.scoring import over_seeds, with_seeds_redrawn
from medshift.leaderboard.ranking import comparisons
from medshift.leaderboard.ranking.source_models import paired_variance


def means(figures, seed, count=1000):
    """Compute the means of (n, groups) figures and their replicates over the same groups."""
    weights = resample_counts(figures.shape[1], count, seed, "test")
    return figures.mean(axis=1), figures @ weights.T / figures.shape[1]


def test_holm_is_that_of_the_definition():
    chance = np.array([0.01, 0.04, 0.03, 0.005, math.nan])
    assert comparisons.holm(chance)[:4] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(comparisons.holm(chance)[4])
    assert comparisons.holm(np.array([0.9, 0.8])).tolist() == [1, 1]


def test_comparisons_are_the_paired_test_of_scipy():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 1, 40)
    figures = np.stack([base, base + 0.3 + rng.normal(0, 0.5, 40), base + rng.normal(0, 0.5, 40)])
    values, replicates = means(figures, 0, 4000)
    found = comparisons.compare(values, replicates, 40, True)
    for i in range(3):
        for j in range(3):
            if i != j:
                gaps = figures[i] - figures[j]
                assert found.difference[i, j] == pytest.approx(gaps.mean())
                assert found.error[i, j] == pytest.approx(gaps.std(ddof=1) / np.sqrt(40), rel=0.07)
                low, high = stats.ttest_rel(figures[i], figures[j]).confidence_interval()
                assert found.interval(i, j)[1:] == pytest.approx((low, high), abs=0.02)


def test_equal_methods_share_a_tier_and_worse_ones_do_not():
    rng = np.random.default_rng(1)
    good = rng.normal(1, 0.3, 50)
    figures = np.stack([good, good, rng.normal(0, 0.3, 50), rng.normal(-1, 0.3, 50)])
    values, replicates = means(figures, 1)
    found = comparisons.compare(values, replicates, 50, True)
    assert comparisons.tiers([0, 1, 2, 3], found.supported) == [1, 1, 2, 3]
    assert comparisons.ranks(values, True).tolist() == [1, 1, 3, 4]
    lower = comparisons.compare(-values, -replicates, 50, False)
    assert (lower.supported == found.supported).all()
    assert comparisons.ranks(-values, False).tolist() == [1, 1, 3, 4]


def test_methods_that_do_not_differ_are_told_apart_in_five_percent_of_tables():
    wrong = 0
    for trial in range(300):
        rng = np.random.default_rng(trial)
        figures = rng.normal(0, 1, 60) + rng.normal(0, 1, (5, 60))  # the same patients, five equal methods
        values, replicates = means(figures, trial, 300)
        wrong += comparisons.compare(values, replicates, 60, True).supported.any()
    assert wrong / 300 <= 0.08


def test_intervals_of_a_difference_cover_it_in_95_percent():
    inside = 0
    for trial in range(1000):
        rng = np.random.default_rng(trial)
        patients = rng.normal(0, 1, 30)
        figures = np.stack([patients + rng.normal(0.2, 1, 30), patients + rng.normal(0, 1, 30)])
        _, low, high = comparisons.compare(*means(figures, trial, 400), 30, True).interval(0, 1)
        inside += low <= 0.2 <= high
    assert 0.93 <= inside / 1000 <= 0.97


def test_ranks_agree_with_scipy():
    replicates = np.random.default_rng(2).integers(0, 6, (7, 500)).astype(float)
    each = np.stack([stats.rankdata(-column, method="min") for column in replicates.T], axis=1)
    assert (comparisons.ranks(replicates, True) == each).all()


def ranks_of(values, replicates, groups=30, higher=True):
    found = comparisons.compare(np.array(values, float), replicates, groups, higher)
    return comparisons.rank_intervals(found, range(len(values))).tolist()


def test_a_rank_is_as_certain_as_the_comparisons_that_make_it():
    noise = np.random.default_rng(0).normal(0, 0.1, (4, 400))
    values = np.array([3, 2, 1.99, 1])
    assert ranks_of(values, values[:, None] + noise) == [[1, 1], [2, 3], [2, 3], [4, 4]]
    assert ranks_of(values, values[:, None] + noise, higher=False) == [[4, 4], [2, 3], [2, 3], [1, 1]]
    assert ranks_of(values, values[:, None] + 30 * noise) == [[1, 4]] * 4
    flat = np.repeat(values[:, None], 400, axis=1)
    assert ranks_of(values, flat) == [[1, 1], [2, 2], [3, 3], [4, 4]]  # a sign test over thirty groups
    assert ranks_of(values, flat, groups=2) == [[1, 4]] * 4


def test_undefined_figures_are_below_all_others():
    noise = np.random.default_rng(0).normal(0, 0.1, (3, 400))
    values = np.array([1, np.nan, 2])
    assert ranks_of(values, values[:, None] + noise) == [[2, 2], [3, 3], [1, 1]]


def test_undefined_replicates_are_no_shared_first_place():
    values = np.arange(4)
    replicates = values[:, None] + np.zeros((4, 100))
    replicates[:, :10] = np.nan
    assert ranks_of(values, replicates, higher=False) == [[1, 1], [2, 2], [3, 3], [4, 4]]
    replicates[:, :60] = np.nan  # most of them: nothing is known
    assert ranks_of(values, replicates, higher=False) == [[1, 4]] * 4


def test_equal_entries_of_a_few_seeds_are_seldom_told_apart_by_rank():
    rng = np.random.default_rng(1)
    apart = 0
    for trial in range(300):
        counts = rng.multinomial(40, np.full(40, 1 / 40), size=200) / 40
        patients = rng.normal(0, 0.15, 40)
        found = []
        for _ in range(2):
            seeds = [0.8 + rng.normal(0, 0.03) + patients + rng.normal(0, 0.03, 40) for _ in range(3)]
            parts = [Estimate(float(each.mean()), counts @ each, units=40.0, bounds=(-9.0, 9.0)) for each in seeds]
            found.append(over_seeds(parts))
        drawn = [
            with_seeds_redrawn(each, resample_counts(3, 200, trial, "seeds", str(name)))
            for name, each in enumerate(found)
        ]
        spread = np.array([each.spread for each in found])
        values = np.array([each.value for each in found])
        pairs = comparisons.compare(values, np.stack(drawn), 40, True, spread, np.full(2, 3.0))
        (low, high), (below, above) = comparisons.rank_intervals(pairs, [0, 1])
        apart += high < below or above < low
    assert apart / 300 <= 0.08  # percentiles of resampled ranks: .13


def test_each_ranking_is_a_family_of_its_own():
    rng = np.random.default_rng(3)
    shared = rng.normal(0, 1, 400)
    replicates = np.stack([mean + shared + rng.normal(0, 1, 400) for mean in (0, 3.6, 0, 0, 0, 0, 0, 0)])
    values = np.array([0, 3.6, 0, 0, 0, 0, 0, 0])
    alone = comparisons.compare(values[:2], replicates[:2], 100, True)
    together = comparisons.compare(values, replicates, 100, True)
    apart = comparisons.compare(values, replicates, 100, True, rankings=["a", "a", "b", "b", "b", "b", "b", "b"])
    assert alone.supported[0, 1]  # one pair: no correction
    assert not together.supported[0, 1]  # 28 pairs
    assert apart.supported[0, 1]
    assert apart.supported[1, 0]
    assert (apart.supported[:2, 2:] == together.supported[:2, 2:]).all()  # across rankings: all pairs


def test_undefined_figures_are_last_and_never_supported():
    replicates = np.stack([np.arange(50.0), np.full(50, np.nan)])
    found = comparisons.compare(np.array([24.5, math.nan]), replicates, 10, True)
    assert not found.supported.any()
    assert comparisons.ranks(np.array([24.5, math.nan]), True).tolist() == [1, 2]


def test_a_difference_without_spread_is_a_sign_test_over_the_groups():
    values = np.array([0.9, 0.5])
    replicates = np.repeat(values[:, None], 50, axis=1)
    two, ten = (comparisons.compare(values, replicates, groups, True) for groups in (2, 10))
    assert not two.supported.any()
    assert two.interval(1, 0) == pytest.approx((-0.4, -0.4 - (1 - 0.025**0.5), -0.4 + 1 - 0.025**0.5))
    assert comparisons.compare(values, replicates, 2, True, most=1.0).interval(1, 0)[1] == -1
    assert ten.supported[0, 1]


def test_entries_without_a_ranking_make_no_comparison_of_others_harder():
    rng = np.random.default_rng(0)
    values = np.array([0.0, 0.3, *rng.normal(0, 1, 20)])
    replicates = values[:, None] + rng.normal(0, 0.1, (22, 1000))
    alone = comparisons.compare(values[:2], replicates[:2], 1e6, True, rankings=["source", "test-batches"])
    beside = comparisons.compare(values, replicates, 1e6, True, rankings=["source", "test-batches", *[""] * 20])
    counted = comparisons.compare(values, replicates, 1e6, True, rankings=["source", "test-batches", *["other"] * 20])
    assert alone.supported[0, 1]
    assert beside.supported[0, 1]
    assert not counted.supported[0, 1]


def test_resamples_of_one_group_rank_nobody():
    assert ranks_of([0.9, 0.5], np.repeat([[0.9], [0.5]], 50, axis=1), groups=1) == [[1, 2], [1, 2]]


def test_few_seeds_make_a_difference_harder_to_support():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 1, 100)
    values, replicates = means(np.stack([base + 0.35, base + rng.normal(0, 0.1, 100)]), 0)
    spread = np.array([[0.01, 0.01], [0.01, 0.01]])
    three = comparisons.compare(values, with_seeds(replicates, spread), 100, True, spread, np.array([3.0, 3.0]))
    ten = comparisons.compare(values, with_seeds(replicates, spread), 100, True, spread, np.array([10.0, 10.0]))
    one = comparisons.compare(values, replicates, 100, True)
    assert one.reach[0, 1] < ten.reach[0, 1] < three.reach[0, 1]
    assert one.supported[0, 1]
    assert ten.supported[0, 1]
    assert not three.supported[0, 1]
    assert three.reach[0, 1] == pytest.approx(stats.t.ppf(0.975, 4), rel=0.02)  # two times two degrees of freedom


def test_paired_seeds_are_the_paired_test_of_scipy_where_groups_matter_little():
    # three seeds of a model, and of the same model changed: what training adds is the same for both
    training, change = np.array([0.0, 0.3, -0.2]), np.array([0.05, 0.07, 0.06])
    by_seed = np.stack([0.5 + training, 0.5 + training + change])
    spread = np.array([between_seeds(np.repeat(each[:, None], 9, axis=1), 1.0) for each in by_seed])
    gaps = np.repeat((by_seed[0] - by_seed[1])[:, None], 9, axis=1)
    paired = {(0, 1): paired_variance(gaps, 1e6, "balanced_accuracy")}
    values, seeds = by_seed.mean(axis=1), np.full(2, 3.0)
    replicates = with_seeds(np.repeat(values[:, None], 4000, axis=1), spread)
    together = comparisons.compare(values, replicates, 1e6, True, spread, seeds, paired=paired)
    apart = comparisons.compare(values, replicates, 1e6, True, spread, seeds)
    assert together.interval(1, 0)[1:] == pytest.approx(stats.ttest_rel(*by_seed[::-1]).confidence_interval(), abs=5e-3)
    assert together.supported[0, 1]
    assert together.supported[1, 0]
    assert not apart.supported.any()


def test_equal_entries_on_the_same_models_are_seldom_told_apart_however_much_seeds_differ():
    # eight patients, three seeds that differ much, and a change that differs from patient to patient a little
    rng, trials, wrong = np.random.default_rng(3), 300, 0
    weights = resample_counts(8, 300, 0, "patients") / 8
    redrawn = [resample_counts(3, 300, 0, "seeds", name) / 3 for name in "ab"]
    for _ in range(trials):
        first = 0.85 + rng.normal(0, 0.05, 3)[:, None] + rng.normal(0, 0.05, 8) + rng.normal(0, 0.025, (3, 8))
        change = rng.normal(0, 0.01, 8) + rng.normal(0, 0.0005, 3)[:, None]
        each = [np.concatenate([x.mean(axis=1)[:, None], x @ weights.T], axis=1) for x in (first, first + change)]
        spread = np.array([between_seeds(figures, 8 / 7) for figures in each])
        values = np.array([figures[:, 0].mean() for figures in each])
        replicates = np.stack(
            [
                figures[:, 1:].mean(axis=0) + again @ (figures[:, 0] - figures[:, 0].mean())
                for figures, again in zip(each, redrawn, strict=True)
            ]
        )
        paired = {(0, 1): paired_variance(each[0] - each[1], 8, "balanced_accuracy")}
        seeds = np.full(2, 3.0)
        wrong += comparisons.compare(values, replicates, 8, True, spread, seeds, paired=paired).supported[0, 1]
    assert wrong / trials <= 0.08  # 5 % are promised


def with_seeds(replicates, spread):
    return replicates + np.random.default_rng(1).normal(0, np.sqrt(spread[:, :1]), replicates.shape)


def test_an_entry_that_is_undefined_in_most_resamples_leaves_the_others_compared():
    rng = np.random.default_rng(2)
    figures = np.stack([rng.normal(mean, 0.3, 40) for mean in (1.0, 0.0, 0.5)])
    values, replicates = means(figures, 2)
    others = comparisons.compare(values[:2], replicates[:2], 40, True)
    replicates[2, : int(0.7 * replicates.shape[1])] = np.nan
    found = comparisons.compare(values, replicates, 40, True)
    assert found.supported[0, 1]
    assert np.array_equal(found.error[:2, :2], others.error)
    assert np.isnan(found.chance[2, :2]).all()
    assert not found.supported[2].any()
    assert found.difference[0, 2] == values[0] - values[2]
    replicates[:] = np.nan
    assert np.isnan(comparisons.compare(values, replicates, 40, True).error).all()
