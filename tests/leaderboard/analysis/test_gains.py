"""The gain over a control, on the same groups and the same seeds."""

import csv
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from medshift.benchmark.cli.commands.entries.leaderboard import leaderboard
from medshift.leaderboard.analysis.gains import gains
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.ranking.comparisons import holm
from medshift.leaderboard.ranking.paired import paired_difference
from medshift.leaderboard.report.against import against_csv, against_markdown
from medshift.shifts.errors import MedshiftError


def entry(values, replicates, seeds=(0, 1, 2)):
    """Make an entry with these figures by seed and their replicates."""
    table = np.concatenate([np.array(values, float)[:, None], np.array(replicates, float)], axis=1)
    return SimpleNamespace(by_seed=lambda name: table, cards=[SimpleNamespace(seed=seed) for seed in seeds])


def test_without_variation_between_groups_it_is_the_paired_t_test_over_seeds():
    one, other = [0.75, 0.8, 0.9], [0.7, 0.78, 0.82]
    found = paired_difference(
        *(entry(each, np.repeat(np.array(each)[:, None], 9, 1)) for each in (one, other)), "x", 1e9, "balanced_accuracy"
    )
    expected = stats.ttest_rel(one, other)
    low, high = expected.confidence_interval()
    assert (found.value, found.low, found.high) == pytest.approx((0.05, low, high))
    assert found.chance == pytest.approx(expected.pvalue)


def test_one_seed_has_the_variation_between_groups_alone():
    replicates = np.random.default_rng(0).normal(0.1, 0.02, (1, 500))
    found = paired_difference(
        entry([0.9], 0.8 + replicates, (4,)), entry([0.8], np.full((1, 500), 0.8), (4,)), "x", 20, "balanced_accuracy"
    )
    half = stats.t(19).ppf(0.975) * math.sqrt(replicates.var() * 20 / 19)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1 - half, 0.1 + half))
    assert found.seeds == (4,)


def test_seeds_that_go_up_and_down_together_leave_what_few_patients_leave_open():
    values = np.array([0.5, 0.7, 0.9])
    flat = np.repeat(values[:, None], 50, 1) + np.random.default_rng(0).normal(0, 0.01, 50)
    found = paired_difference(entry(values + 0.1, flat + 0.1), entry(values, flat), "x", 30, "balanced_accuracy")
    # of thirty patients with the same difference, the sign test, and Clopper and Pearson's end for what was not seen
    reach = 1 - 0.025 ** (1 / 30)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1 - reach, 0.1 + reach))
    assert found.chance == pytest.approx(stats.binomtest(0, 30).pvalue)


def test_few_patients_and_seeds_leave_a_gain_open_to_the_most_that_there_can_be():
    one, other = (entry(values, np.full((2, 9), 0.5), (0, 1)) for values in ([0.0, 1.0], [1.0, 0.5]))
    found = paired_difference(one, other, "x", 3, "balanced_accuracy")
    assert (found.value, found.low, found.high) == (-0.25, -1.0, 1.0)


def test_a_figure_that_is_undefined_has_no_gain():
    undefined = entry([math.nan], np.full((1, 50), math.nan), (0,))
    found = paired_difference(undefined, entry([0.5], np.full((1, 50), 0.5), (0,)), "x", 30, "balanced_accuracy")
    assert math.isnan(found.value)
    assert math.isnan(found.chance)


@pytest.fixture(scope="module")
def ranked(fabricate, tmp_path_factory):
    """A control with four seeds; one entry with three of them, one with none, one that sees something else."""
    root = tmp_path_factory.mktemp("in")
    place, made, rows = fabricate.contest(root, fabricate.table(groups=60))
    given = [
        ("joint-norm", 1.0, (0, 1, 2, 3)), ("coral", 1.02, (0, 1, 2, 3)), ("mmd", 3.0, (1, 2, 3)), ("dann", 1.0, (7,)),
        ("scratch", 0.2, (0, 1)),
    ]  # fmt: skip
    for name, skill, seeds in given:
        for seed in seeds:
            fabricate.submission(place, made, rows, name, seed, skill=skill)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        yield rank_entries(protocol_folders(root)[0], 200, workers=1)


def test_the_gain_is_the_difference_on_the_seeds_that_both_have(ranked):
    found = gains(ranked, "joint-norm")
    rows = {row.name: row for row in ranked.rows}
    assert list(found.rows) == [row.name for row in ranked.rows if row.name != "joint-norm"]
    assert found.figures == ("clean", "real", "synthesized", "shifted")
    for name in found.figures:
        values = [rows[entry].aggregates[name, ranked.rank_by].value for entry in ("coral", "joint-norm")]
        assert found.rows["coral"][name].found.value == pytest.approx(values[0] - values[1], abs=1e-6)
        by_seed = [rows["mmd"].by_seed(name)[:, 0], rows["joint-norm"].by_seed(name)[1:, 0]]
        assert found.rows["mmd"][name].found.value == pytest.approx((by_seed[0] - by_seed[1]).mean())
        assert found.rows["mmd"][name].found.seeds == (1, 2, 3)
        assert math.isnan(found.rows["dann"][name].found.value)


def test_it_is_supported_after_the_correction_of_the_ranking(ranked):
    found = gains(ranked, "joint-norm")
    for name in found.figures:
        chance = {entry: each[name].found.chance for entry, each in found.rows.items()}
        same = [entry for entry in chance if entry in ("coral", "mmd", "dann")]
        within = dict(zip(same, holm(np.array([chance[entry] for entry in same])), strict=True))
        over_all = dict(zip(chance, holm(np.array([*chance.values()])), strict=True))
        for entry, each in found.rows.items():
            assert each[name].supported == ((within[entry] if entry in same else over_all[entry]) <= 0.05)
    assert found.rows["mmd"]["real"].supported
    assert not found.rows["coral"]["real"].supported


@pytest.fixture(scope="module")
def crowded(ranked):
    """The board with so many claimed entries that over all of them, few gains are supported."""
    coral = next(row for row in ranked.rows if row.name == "coral")
    return replace(ranked, rows=[*ranked.rows, *(claimed(coral, name=f"claimed-{number}") for number in range(80))])


def claimed(row, **changes):
    return replace(row, rank=None, tier=0, claimed=True, **changes)


def claiming(board, name):
    """The board with one entry more that is claimed."""
    return replace(board, rows=[claimed(row) if row.name == name else row for row in board.rows])


def test_claimed_entries_change_no_verdict_on_two_verified_ones(ranked, crowded):
    before, after = gains(ranked, "joint-norm"), gains(crowded, "joint-norm")
    assert {name: after.rows[name] for name in before.rows if name != "dann"} == {
        name: each
        for name, each in before.rows.items()
        if name != "dann"  # of which nothing is defined
    }
    assert after.rows["mmd"]["real"].supported  # among those that see the same as the control
    assert after.rows["scratch"]["clean"].supported  # among all verified ones
    assert not gains(claiming(crowded, "mmd"), "joint-norm").rows["mmd"]["real"].supported
    of_claimed = gains(claiming(crowded, "joint-norm"), "joint-norm").rows
    assert not of_claimed["mmd"]["real"].supported
    assert not of_claimed["scratch"]["clean"].supported


def test_tables_mark_what_is_claimed(ranked, crowded):
    found = gains(claiming(ranked, "coral"), "joint-norm")
    rows = {row["entry"]: row["claimed"] for row in csv.DictReader(against_csv([found]))}
    assert rows == {"coral": "1", "mmd": "0", "dann": "0", "scratch": "0"}
    text = against_markdown([found])
    assert "| `coral` (claimed) | `target-unlabelled` |" in text
    assert text.count("(claimed)") == 1
    assert "for claimed ones, which nobody has run again, over all." in text
    text = against_markdown([gains(claiming(ranked, "joint-norm"), "joint-norm")])
    assert ": gain over `joint-norm` (claimed)\n" in text
    assert "over all entries, as the control, joint-norm, is claimed: nobody has run it again." in text
    assert "claimed" not in against_markdown([gains(ranked, "joint-norm")])


def test_tables_hold_the_gains(ranked):
    found = gains(ranked, "joint-norm")
    rows = list(csv.DictReader(against_csv([found])))
    assert len(rows) == 4 * 4
    (mmd,) = (row for row in rows if (row["entry"], row["figure"]) == ("mmd", "real"))
    each = found.rows["mmd"]["real"].found
    assert [float(mmd[name]) for name in ("gain", "low", "high")] == pytest.approx(
        [each.value, each.low, each.high], abs=1e-6
    )
    assert (mmd["seeds"], mmd["supported"], mmd["against"]) == ("3", "1", "joint-norm")
    assert {row["gain"] for row in rows if row["entry"] == "dann"} == {""}
    lines = against_markdown([found]).splitlines()
    (line,) = (line for line in lines if line.startswith("| `mmd`"))
    assert line.startswith("| `mmd` | `target-unlabelled` | 3 | +.")
    assert line.count("**supported**") == 4
    (line,) = (line for line in lines if line.startswith("| `dann`"))
    assert line == "| `dann` | `target-unlabelled` | 0 | – | – | – | – |"


def test_a_gain_is_positive_where_the_entry_is_better_whatever_the_metric(fabricate, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=20), metrics=("brier",))
    for name, skill in (("joint-norm", 0.5), ("coral", 2.0)):
        fabricate.submission(place, made, rows, name, skill=skill)
    found = gains(rank_entries(protocol_folders(tmp_path / "in")[0], 50), "joint-norm").rows["coral"]["clean"].found
    assert 0 < found.low < found.value < found.high


def test_the_command_writes_them_and_names_the_entries_there_are(fabricate, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=8), shifts={})
    for name in ("joint-norm", "coral"):
        fabricate.submission(place, made, rows, name)
    leaderboard(tmp_path / "in", tmp_path / "out", None, "joint-norm")
    assert "gain over `joint-norm`" in capsys.readouterr().out
    assert "† One seed in common: the interval covers groups only." in (tmp_path / "out" / "against.md").read_text()
    assert (
        (tmp_path / "out" / "against.csv").read_text().startswith("protocol,against,entry,sees,seeds,claimed,figure,")
    )
    with pytest.raises(MedshiftError, match=r"--against: no entry 'nobody' in .*; there are coral and joint-norm"):
        leaderboard(tmp_path / "in", tmp_path / "other", None, "nobody")
    assert not (tmp_path / "other").exists() or not list((tmp_path / "other").iterdir())
