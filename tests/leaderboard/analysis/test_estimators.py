"""Estimators are scored over entries and sites: error, bias and coverage are those of every single estimate."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.boards import built_page

from medshift.benchmark.estimation.registry import BUILTINS
from medshift.benchmark.protocols.truth import truth_of
from medshift.leaderboard.analysis.estimators import estimator_rows
from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.entries.entries import protocol_folder
from medshift.leaderboard.ranking.board import rank_entries

pytestmark = pytest.mark.usefixtures("cache_of_the_file")


@pytest.fixture(scope="module")
def folder(fabricate, tmp_path_factory):
    """Two entries, one with two seeds, at two sites."""
    place, protocol, rows = fabricate.contest(tmp_path_factory.mktemp("in"))
    for entry, seed, skill in (("good", 0, 3.0), ("good", 1, 3.0), ("fair", 0, 1.5)):
        fabricate.submission(place, protocol, rows, entry, seed, skill=skill)
    return place


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    build_leaderboard(folder, out)
    return out


def rows_of(built):
    with (built / "estimators.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_estimate_stands_beside_what_was_measured(folder, built):
    rows = rows_of(built)
    assert len(rows) == len(BUILTINS) * 3 * 2
    found = protocol_folder(folder)
    from medshift.benchmark.submissions import predictions

    arrays = predictions.read(folder / "good" / "seed-1" / "predictions.parquet", found.protocol, found.truth)
    (site,) = (c for c in found.protocol.conditions() if c.key == "site-c")
    labels, guess = truth_of(found.truth, site)["label"].to_numpy(), arrays["site-c"].argmax(axis=1)
    right = np.mean([(guess[labels == k] == k).mean() for k in (0, 1)])
    same = [float(row["truth"]) for row in rows if (row["entry"], row["seed"], row["site"]) == ("good", "1", "site-c")]
    assert same == pytest.approx([right] * len(BUILTINS), abs=1e-6)


def test_error_bias_and_coverage_count_each_entry_once_after_its_seeds(built):
    scores = json.loads((built / "scores.json").read_text())["protocols"][0]["estimators"]
    assert list(scores) == list(BUILTINS)
    for name, found in scores.items():
        of_entry = {}
        for row in rows_of(built):
            if row["estimator"] == name:
                figures = [float(row[column] or "nan") for column in ("estimate", "low", "high", "truth")]
                of_entry.setdefault(row["entry"], []).append(figures)
        means = []
        for seeds in of_entry.values():  # none lacks an estimate
            value, low, high, truth = np.array(seeds).T
            held = (low <= truth) & (truth <= high)
            means.append([np.abs(value - truth).mean(), (value - truth).mean(), held.mean(), (high - low).mean() / 2])
        error, bias, coverage, width = np.mean(means, axis=0)
        assert [len(each) for each in of_entry.values()] in ([4, 2], [2, 4])
        assert (found["cases"], found["entries"], found["networks"], found["without_estimate"]) == (6, 2, 2, 0)
        assert found["absolute_error"][0] == pytest.approx(error, abs=1e-5)
        assert found["bias"][0] == pytest.approx(bias, abs=1e-5)
        assert found["coverage"][0] == pytest.approx(coverage, abs=1e-5)
        assert found["half_width"] == pytest.approx(width, abs=1e-5)
        low, high = found["absolute_error"][1:]
        assert low <= found["absolute_error"][0] <= high


def test_more_seeds_and_copies_on_one_network_make_nothing_surer(folder):
    """Entries that stand on one network are drawn together, so that the interval is not narrower for them."""
    board = rank_entries(protocol_folder(folder), 50, workers=1)
    fair, good = sorted(board.rows, key=lambda row: row.name)
    seed = good.cards[0]

    def adapting(row, name):
        """The entry as of a method that adapts the one model of this board."""
        baseline = seed.baseline.model_copy(
            update={"name": name, "distribution": "medshift 0.1.0", "config": {"arch": "resnet18"}}
        )
        card = row.cards[0].model_copy(update={"baseline": baseline, "seed": 0})
        return replace(row, name=name, cards=(card,))

    alone = {row.name: row for row in estimator_rows(replace(board, rows=[fair, good]))}
    names = ("tent", "adabn", "sar")
    apart = {
        row.name: row for row in estimator_rows(replace(board, rows=[fair, *[replace(good, name=n) for n in names]]))
    }
    same = {row.name: row for row in estimator_rows(replace(board, rows=[fair, *(adapting(good, n) for n in names)]))}
    for name, row in same.items():
        assert (row.entries, row.networks, apart[name].networks) == (4, 2, 4)
        assert row.error.value == apart[name].error.value
        assert row.error.high - row.error.low >= apart[name].error.high - apart[name].error.low
        assert alone[name].error.value != row.error.value


def test_the_page_has_their_table(built):
    text = built_page(built)
    assert "How far off is an estimate that needs no labels?" in text
    assert all(f'class="entry">{name}</th>' in text for name in BUILTINS)


def test_nothing_is_estimated_where_another_figure_ranks(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path, metrics=("auroc", "balanced_accuracy"))
    fabricate.submission(place, protocol, rows)
    board = rank_entries(protocol_folder(place), 50, workers=1)
    assert estimator_rows(board) == []


def test_an_estimator_without_any_estimate_has_no_error(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path, shifts={"gamma": "contrast"})
    fabricate.submission(place, protocol, rows)
    own = estimator_rows(rank_entries(protocol_folder(place), 50, workers=1))[-1]
    assert own.name == "synthesized-regression"
    assert own.none == 1
    assert math.isnan(own.error.value)
    assert math.isnan(own.coverage.value)
