"""Comparisons, tiers, ranks, correlations and lines against known cases."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from medshift.benchmark.contract import registry
from medshift.benchmark.reporting.numbers import format_decimal
from medshift.benchmark.scoring.bootstrap import resample_counts
from medshift.leaderboard.analysis import accuracy_line, correlation
from medshift.leaderboard.analysis.correlation import kendall, spearman
from medshift.leaderboard.analysis.findings import findings
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking import comparisons
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.markdown import markdown


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


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


def test_ranks_and_their_intervals_agree_with_scipy():
    rng = np.random.default_rng(2)
    replicates = rng.integers(0, 6, (7, 500)).astype(float)
    each = np.stack([stats.rankdata(-column, method="min") for column in replicates.T], axis=1)
    assert (comparisons.ranks(replicates, True) == each).all()
    found = comparisons.rank_intervals(replicates, True)
    assert (found[:, 0] <= np.median(each, axis=1)).all()
    assert (found[:, 1] >= np.median(each, axis=1)).all()
    apart = np.array([[3.0] * 100, [2.0] * 100, [1.0] * 100])
    assert comparisons.rank_intervals(apart, True).tolist() == [[1, 1], [2, 2], [3, 3]]


def test_undefined_replicates_are_no_shared_first_place():
    replicates = np.arange(4)[:, None] + np.zeros((4, 100))
    replicates[:, :10] = np.nan
    assert comparisons.rank_intervals(replicates, False).tolist() == [[1, 1], [2, 2], [3, 3], [4, 4]]
    replicates[:, :60] = np.nan  # most of them: nothing is known
    assert comparisons.rank_intervals(replicates, False).tolist() == [[1, 4]] * 4


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


def test_rank_correlations_are_those_of_scipy():
    rng = np.random.default_rng(3)
    values = rng.integers(0, 8, (20, 5)).astype(float)
    found = spearman(values, 3)
    for p in range(3):
        for s in range(2):
            assert found[p, s] == pytest.approx(stats.spearmanr(values[:, p], values[:, 3 + s]).statistic)
            assert kendall(values[:, p], values[:, 3 + s]) == stats.kendalltau(values[:, p], values[:, 3 + s]).statistic
    values[:, 0] = 1
    assert np.isnan(spearman(values, 3)[0]).all()
    assert math.isnan(kendall(np.array([1, math.nan]), np.array([1.0, 2])))


def test_a_line_is_found_again_and_an_entry_above_it_is_robuster():
    clean = np.linspace(0.6, 0.95, 12)
    shifted = accuracy_line.expit(0.9 * accuracy_line.logit(clean) - 0.4)
    shifted[5] += 0.05
    found = accuracy_line.fit("real", [str(i) for i in range(12)], np.stack([clean, shifted], axis=1))
    assert found.residuals["5"] == pytest.approx(0.05, abs=1e-9)  # against the line of the others
    assert found.slope == pytest.approx(0.9, abs=0.1)
    assert 0.9 < found.explained <= 1
    assert found.at(0.8) == pytest.approx(
        float(accuracy_line.expit(0.9 * accuracy_line.logit(np.array(0.8)) - 0.4)), abs=0.02
    )
    assert accuracy_line.fit("real", ["a", "b"], np.array([[0.6, 0.5], [0.7, 0.6]])) is None
    assert accuracy_line.fit("real", ["a", "b", "c"], np.full((3, 2), 0.7)) is None


def board_of(fabricate, folder, entries, **changes):
    place, made, rows = fabricate.contest(folder, fabricate.table(groups=10), **changes)
    for number in range(entries):
        fabricate.submission(place, made, rows, f"m{number}", 0, skill=0.5 + 0.5 * number)
    return rank_entries(protocol_folders(folder)[0], 200, workers=1)


def test_three_entries_say_nothing_of_prediction(fabricate, tmp_path):
    found = correlation.correlation(board_of(fabricate, tmp_path / "in", 3))
    assert "cannot be answered yet" in found.sentence
    assert "2 in 6" in found.sentence
    assert np.isnan([cell.low for row in found.rows for cell in row.cells]).all()
    assert not any(row.beats or row.fails for row in found.rows)


def test_six_entries_have_intervals_and_are_called_few(fabricate, tmp_path):
    found = correlation.correlation(board_of(fabricate, tmp_path / "in", 6))
    assert found.rows[0].name == "clean"
    assert [row.name for row in found.rows[:2]] == ["clean", "synthesized"]
    assert len(found.rows) == 6
    assert found.sites == ["site-b", "site-c", "all sites"]
    for row in found.rows:
        for cell in row.cells:
            assert -1 <= cell.low <= cell.high <= 1
    assert "over 6 entries" in found.sentence
    assert "not supported for any of the 4" in found.sentence
    assert "are few" in found.sentence
    assert found.sentence.startswith(found.answer)
    low, high = found.rows[1].gain[1:]
    assert found.answer.startswith("Yes" if low > 0 else "No, worse" if high < 0 else "Not supported")


def test_one_entry_or_no_shift_has_no_heat_map(fabricate, tmp_path):
    assert correlation.correlation(board_of(fabricate, tmp_path / "one", 1)) is None
    assert correlation.correlation(board_of(fabricate, tmp_path / "no", 2, shifts={})) is None


def test_the_table_says_what_is_not_supported(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=10))
    for name, skill, sees in (("a", 2.0, "source"), ("b", 2.0, "source"), ("c", 2.0, "test-batches")):
        fabricate.submission(place, made, rows, name, 0, skill=skill, sees=sees)
    found = rank_entries(protocol_folders(tmp_path / "in")[0], 200)
    assert [(row.rank, row.tier, row.supported) for row in found.rows] == [(1, 1, False)] * 3
    said = " ".join(findings(found))
    assert "a and b share the first tier: none is significantly worse than a." in said
    assert re.search(r"\(sees .*\) is better than .* \(not supported\)", said)
    assert "not supported" in markdown([found])
    assert "Every entry has one seed" in said


@pytest.mark.parametrize("seeds", [1, 2])
def test_targets_of_one_class_leave_a_board(fabricate, tmp_path, seeds):
    table = fabricate.table(groups=10)
    table.loc[table["domain"] != "site-a", "label"] = 0
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.truth.tidy(table), shifts={}, metrics=("auroc",))
    for seed in range(seeds):
        fabricate.submission(place, made, rows, "only", seed)
    (row,) = rank_entries(protocol_folders(tmp_path / "in")[0], 50).rows
    assert math.isnan(row.aggregates["real", "auroc"].value)
    assert row.rank is None


def test_the_second_tier_is_named_by_the_entry_that_opens_it(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=60))
    for name, skill in (("a", 2.5), ("b", 2.5), ("c", 0.5), ("d", 0.4)):
        fabricate.submission(place, made, rows, name, 0, skill=skill)
    found = rank_entries(protocol_folders(tmp_path / "in")[0], 200)
    assert [row.tier for row in found.rows[:3]] == [1, 1, 2]
    assert "worse than a; c is, and 1 more ranks below it." in " ".join(findings(found))


def test_the_question_is_answered_first(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=30))
    given = (("imagenet-finetune", 2.5, "source"), ("scratch", 0.5, "source"), ("adabn", 1.5, "test-batches"))
    for name, skill, sees in given:
        for seed in range(1 if name == "scratch" else 3):  # a large network, say
            fabricate.submission(place, made, rows, name, seed, skill=skill, sees=sees)
    fabricate.submission(place, made, rows, "acme", 0, skill=4.0, distribution="acme 1.0")  # of which nothing is known
    found = rank_entries(protocol_folders(tmp_path / "in")[0], 200)
    said = findings(found, correlation.correlation(found))
    assert said[0].startswith("ImageNet, scratch or adaptation?")
    best = {row.name: row.aggregates["shifted", "balanced_accuracy"].text for row in found.rows}
    order = ["imagenet-finetune", "adabn", "scratch"]
    assert [said[0].index(best[name]) for name in order] == sorted(said[0].index(best[name]) for name in order)
    assert "acme" not in said[0]
    gap, low, high = found.pairs.interval(*(by_name(found, name) for name in ("imagenet-finetune", "scratch")))
    assert (
        f"training from scratch by {format_decimal(gap)} [{format_decimal(low, 2)}, {format_decimal(high, 2)}] "
        "(supported)" in said[1]
    )
    assert any(s.startswith("Do synthesized shifts predict") and "cannot be answered yet" in s for s in said)
    assert said[-1].startswith("acme and scratch have one seed")
    text = markdown([found])
    assert "| 1 † |" in text
    assert "† One seed" in text


def by_name(found, name):
    return [row.name for row in found.rows].index(name)


def test_every_baseline_of_ours_that_sees_the_source_alone_is_transfer_or_scratch():
    ours = {name for name in registry.BUILTINS if registry.load_baseline(name).sees == "source"}
    assert ours == {name for name, entry in registry.BUILTINS.items() if entry.approach != "adaptation"}


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


def with_seeds(replicates, spread):
    return replicates + np.random.default_rng(1).normal(0, np.sqrt(spread[:, :1]), replicates.shape)


def test_what_was_scored_before_is_not_scored_again(fabricate, tmp_path, monkeypatch):
    first = board_of(fabricate, tmp_path / "in", 2)

    def never(*given, **named):
        raise AssertionError("scored again")

    monkeypatch.setattr("medshift.leaderboard.entries.workers.score_entry", never)
    again = rank_entries(protocol_folders(tmp_path / "in")[0], 200)
    for one, other in zip(first.rows, again.rows, strict=True):
        for name, array in one.scored.arrays().items():
            np.testing.assert_array_equal(array, other.scored.arrays()[name])
    for path in (tmp_path / "home" / "scores").rglob("*.npz"):
        path.write_bytes(b"damaged")
    with pytest.raises(AssertionError, match="scored again"):
        rank_entries(protocol_folders(tmp_path / "in")[0], 200)


def test_processes_change_no_figure(fabricate, tmp_path, monkeypatch):
    alone = board_of(fabricate, tmp_path / "in", 4)
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "other"))
    together = rank_entries(protocol_folders(tmp_path / "in")[0], 200, workers=2)
    for one, other in zip(alone.rows, together.rows, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.scored.replicates, other.scored.replicates)
        np.testing.assert_array_equal(one.scored.conditions, other.scored.conditions)
