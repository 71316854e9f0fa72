"""Figures of an entry: over its seeds, over its samples, and the rank of equal ones."""

import csv

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from medshift.benchmark.scoring import bootstrap, calibration
from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.scoring.metrics import ece
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.entries.scoring import over_seeds, with_seeds_redrawn
from medshift.leaderboard.ranking import comparisons
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.tables import csv_text

pytestmark = pytest.mark.usefixtures("cache_of_the_file")


def test_equal_entries_share_a_rank(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    for name in ("one", "other", "worse"):
        fabricate.submission(place, made, rows, name, 0, skill=0.5 if name == "worse" else 2.0)
    assert [row.rank for row in rank_entries(protocol_folders(tmp_path)[0], 10).rows] == [1, 1, 3]


def test_the_spread_of_seeds_is_that_of_a_mean_of_them():
    rng = np.random.default_rng(0)
    ratios = []
    for trial in range(200):
        values = rng.normal(size=3)
        found = over_seeds([Estimate(value, np.full(2000, value)) for value in values])  # the groups have no influence
        ratios.append(
            np.var(with_seeds_redrawn(found, bootstrap.resample_counts(3, 2000, trial, "seeds")))
            / (np.var(values, ddof=1) / 3)
        )
        low, high = found.interval  # that of Student with two degrees of freedom
        assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, values.mean(), stats.sem(values)))
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)


def test_models_of_the_same_calibration_are_not_told_apart_by_what_is_corrected():
    counts = bootstrap.resample_counts(20, 100, 0, "ece")
    owner, weights, wrong = np.repeat(np.arange(20), 3), np.concatenate([np.ones((1, 20)), counts]), 0
    for trial in range(200):
        rng = np.random.default_rng(trial)
        logit = 1.5 * (rng.normal(size=20)[owner] + rng.normal(size=60)) / 2**0.5
        labels, found = (rng.random(60) < expit(logit)).astype(np.int64), []
        for second in expit(0.85 * (logit + rng.normal(0, 0.7, (2, 60)))):
            stated = np.stack([1 - second, second], axis=1)
            values = ece(labels, stated, owner, weights)
            ((value, again, excess),) = calibration.corrected(labels, stated[None], owner, values[None])
            found.append(Estimate(value, again, units=20.0, bounds=(0.0, 1.0), excess=excess))
        tracks = np.stack([with_seeds_redrawn(one, np.ones((100, 1))) for one in found])
        wrong += comparisons.compare(np.array([one.value for one in found]), tracks, 20, False).supported[0, 1]
    assert wrong <= 14, wrong  # 5 % are 10; without the allowance for what the correction adds, 20


def test_one_seed_says_nothing_of_seeds():
    alone = over_seeds([Estimate(0.5, np.arange(4.0))])
    assert alone.spread == (0, 0)
    assert (with_seeds_redrawn(alone, np.ones((4, 1))) == np.arange(4.0)).all()


def test_a_figure_stands_beside_the_samples_that_it_rests_on(fabricate, tmp_path):
    table = fabricate.table(groups=4)
    table.loc[table["domain"] == "site-c", "label"] = (
        0  # its AUROC and balanced accuracy are undefined, so the mean is that of site-b
    )
    place, made, rows = fabricate.contest(tmp_path, table)
    fabricate.submission(place, made, rows)
    written = csv.DictReader("".join(csv_text([rank_entries(protocol_folders(tmp_path)[0], 10)])).splitlines())
    sizes = {row["metric"]: (row["samples"], row["groups"]) for row in written if row["name"] == "real"}
    assert sizes["ece"] == ("32", "8")
    assert sizes["auroc"] == sizes["balanced_accuracy"] == ("16", "4")
