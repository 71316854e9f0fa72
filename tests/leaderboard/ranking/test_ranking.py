"""Correlations and lines against known cases, and what a ranked board says of its entries."""

import math
import re
import warnings
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from medshift.benchmark.contract import registry
from medshift.benchmark.reporting.numbers import format_decimal
from medshift.leaderboard.analysis import accuracy_line, convergence, correlation
from medshift.leaderboard.analysis.findings import findings
from medshift.leaderboard.analysis.rank_correlations import kendall, spearman
from medshift.leaderboard.entries import workers
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.ranking.scrutiny import alike
from medshift.leaderboard.report.markdown import markdown


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def converged(monkeypatch):
    """What records no training counts as converged: it is not what these tests are about."""
    monkeypatch.setattr(convergence, "SOLVED", registry.BUILTINS)


def test_rank_correlations_are_those_of_scipy():
    rng = np.random.default_rng(3)
    values = rng.integers(0, 8, (20, 5)).astype(float)
    found, tau = spearman(values, 3), kendall(values, 3)
    for p in range(3):
        for s in range(2):
            assert found[p, s] == pytest.approx(stats.spearmanr(values[:, p], values[:, 3 + s]).statistic)
            assert tau[p, s] == pytest.approx(stats.kendalltau(values[:, p], values[:, 3 + s]).statistic)
    values[:, 0] = 1
    assert np.isnan(spearman(values, 3)[0]).all()
    assert np.isnan(kendall(np.array([[1, 1.0], [math.nan, 2]]), 1)).all()


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


@pytest.mark.parametrize("alone", [5, 4])
def test_the_entries_that_see_the_source_alone_are_correlated_as_well(fabricate, tmp_path, alone):
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=10))
    skills = [0.5 + 0.5 * number for number in range(alone)]
    for number, skill in enumerate(skills):
        fabricate.submission(place, made, rows, f"m{number}", 0, skill=skill, sees="source")
    only = correlation.correlation(rank_entries(protocol_folders(tmp_path / "in")[0], 200, workers=1))
    assert "Among the" not in only.sentence
    for number in range(3):
        fabricate.submission(place, made, rows, f"t{number}", 0, skill=4.0, sees="target-unlabelled")
    found = correlation.correlation(rank_entries(protocol_folders(tmp_path / "in")[0], 200, workers=1))
    if alone == 5:
        figures = [f"{row.cells[-1].spearman:.2f} (95 % interval" for row in (only.rows[1], only.rows[0])]
        begin = "Among the 5 entries that see the source alone, the correlation is "
        said = found.sentence.partition(begin)[2]
        assert said.startswith(figures[0])
        assert f"synthesized shifts and {figures[1]}" in said
    else:
        assert found.sentence.endswith("Those that see the source alone stand on 4 networks, too few to tell.")


def test_claimed_entries_are_counted_and_equal_ones_have_no_order(fabricate, tmp_path):
    found = board_of(fabricate, tmp_path / "in", 6)
    told = replace(found, rows=[replace(row, claimed=number > 3) for number, row in enumerate(found.rows)])
    assert "over 6 entries, 2 of them only claimed, the rank" in correlation.correlation(told).answer
    same = replace(found, rows=[replace(found.rows[0], name=row.name) for row in found.rows])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        equal = correlation.correlation(same)
    assert equal.answer.startswith("This cannot be told: the 6 entries have no order")


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
    assert "a (sees source) and c (sees test-batches) do not differ, .000 [" in said
    ahead = found.pairs.difference + 0.01 * np.subtract.outer([1, 1, 0], [1, 1, 0])
    told = markdown([replace(found, pairs=replace(found.pairs, difference=ahead))])
    assert re.search(r"a \(sees .*\) is better than c .* \(not supported\)", told)
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
    monkeypatch.setattr(workers, "WORTH_PROCESSES", 4)
    monkeypatch.setattr(workers, "score_entry", None)  # that of this process
    together = rank_entries(protocol_folders(tmp_path / "in")[0], 200, workers=2)
    for one, other in zip(alone.rows, together.rows, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.scored.replicates, other.scored.replicates)
        np.testing.assert_array_equal(one.scored.conditions, other.scored.conditions)


@pytest.mark.parametrize(
    ("arch", "question", "named"),
    [
        ("resnet18", "ImageNet, scratch or adaptation?", "ImageNet transfer"),
        ("convnext_tiny.fb_in22k_ft_in1k", "ImageNet, scratch or adaptation?", "ImageNet transfer"),
        ("convnext_tiny.fb_in22k", "Transfer, scratch or adaptation?", "weights ImageNet-22k)"),
        ("vit_small_patch14_dinov2.lvd142m", "Transfer, scratch or adaptation?", "weights LVD-142M)"),
        ("vit_base_patch16_clip_224.laion2b_ft_in1k", "Transfer, scratch or adaptation?", "weights LAION-2B, then"),
        ("local-dir:mine", "Transfer, scratch or adaptation?", "weights local-dir:mine)"),
    ],
)
def test_weights_of_another_data_set_are_not_called_those_of_imagenet(fabricate, tmp_path, arch, question, named):
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=30))
    fabricate.submission(place, made, rows, "imagenet-finetune", 0, skill=2.5, config={"arch": arch})
    fabricate.submission(place, made, rows, "scratch", 0, skill=0.5)
    said = findings(rank_entries(protocol_folders(tmp_path / "in")[0], 50))
    assert said[0].startswith(question)
    assert named in said[0]
    assert ("ImageNet transfer" in " ".join(said)) == question.startswith("ImageNet")


@pytest.mark.parametrize("stopped", [True, False])
def test_ctrl_c_ends_the_workers_at_once_instead_of_scoring_what_is_left(fabricate, tmp_path, monkeypatch, stopped):
    board_of(fabricate, tmp_path / "in", 4)
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(workers, "WORTH_PROCESSES", 4)
    asked = []

    class Pool:
        """A pool in which the first result is waited for when Ctrl-C comes."""

        def __init__(self, *given, **named):
            pass

        def submit(self, function, entry):
            del function
            future = Future()
            future.set_exception(KeyboardInterrupt()) if stopped else future.set_result(([], None, [entry.name]))
            return future

        def shutdown(self, **how):
            asked.append(how)

    monkeypatch.setattr("loky.ProcessPoolExecutor", Pool)
    if stopped:
        with pytest.raises(KeyboardInterrupt):
            rank_entries(protocol_folders(tmp_path / "in")[0], 200, workers=2)
    else:
        rank_entries(protocol_folders(tmp_path / "in")[0], 200, workers=2)
    assert asked == [{"kill_workers": stopped}]  # once: a second call would take it back


def test_a_claimed_copy_leaves_no_mark_beside_the_entry_that_was_run_again(fabricate, tmp_path, home):
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=20))
    arrays = fabricate.outputs(made, rows, 2.0, 0)
    for name in ("original", "copy"):
        fabricate.submission(place, made, rows, name, arrays=arrays)
    board = rank_entries(protocol_folders(tmp_path / "in")[0], 10, workers=1)
    (remark,) = board.remarks
    assert remark.entries == ("copy", "original")
    groups = {split: count for split, (_, count) in board.sizes.items()}
    claimed = [replace(row, claimed=row.name == "copy") for row in board.rows]
    (remark,) = alike.remarks(claimed, made, groups)
    assert remark.entries == ("copy",)
    assert "copy/seed-0 and original/seed-0 are too alike" in remark.text
