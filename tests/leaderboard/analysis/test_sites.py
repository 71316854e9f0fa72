"""A board names the class that its figures are for, and the sites that say little."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.boards import page

from medshift.benchmark.datasets.facts import DatasetFacts
from medshift.leaderboard.analysis.accuracy_line import lines
from medshift.leaderboard.analysis.correlation import correlation
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.markdown import markdown
from medshift.leaderboard.report.tables import to_json


@pytest.fixture(scope="module")
def board(fabricate, tmp_path_factory):
    """Two entries on a site of one class and another of three patients."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        rows = fabricate.table(groups=8)
        rows.loc[rows["domain"] == "site-c", "label"] = 1
        few = rows["domain"] == "site-b"
        rows.loc[few, "group"] = [f"p{number % 3}" for number in range(few.sum())]
        rows.loc[(rows["domain"] == "site-a") & (rows["split"] == "test"), "group"] = ["p0"] * 10 + [
            *"abcdefghijklmnopqrstuv"
        ]
        facts = fabricate.terms(rows).dataset.model_dump() | {"classes": ("no|<i>", "ab|<b>")}
        folder = tmp_path_factory.mktemp("submissions")
        place, made, rows = fabricate.contest(folder, rows, dataset=DatasetFacts.model_validate(facts))
        for name, skill in (("good", 3.0), ("poor", 1.0)):
            fabricate.submission(place, made, rows, name, 0, skill=skill)
        yield rank_entries(protocol_folders(folder)[0], 100)


def test_a_site_of_one_class_does_not_bend_the_means(board):
    for row in board.rows:
        assert not row.aggregates["real/site-c", "balanced_accuracy"].defined
        assert row.aggregates["real", "balanced_accuracy"] == row.aggregates["real/site-b", "balanced_accuracy"]
        assert row.rank is not None


def test_sites_are_marked_and_explained_on_page_and_in_markdown(board):
    shown, text = page(board), markdown([board], [correlation(board)])
    assert "real: site-b (3 groups)" in shown
    assert "real: site-c<" in shown
    for where in (shown, text):
        assert "site-c: all test images are" in where
        assert "few groups to test on: site-b (3 groups)" in where
        assert "one group holds over 20 % of the test images: p0 31 % of site-a" in where


def test_the_positive_class_is_named_wherever_figures_are_its_own(board):
    shown, text = page(board), markdown([board], [correlation(board)])
    assert "AUROC, sensitivity and specificity are for the class ab|&lt;b&gt;." in shown
    assert "sensitivity for ab|&lt;b&gt;, clean" in shown
    assert "positive: ab|&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "| AUROC for ab\\|\\<b\\>, shifted |" in text
    head = json.loads("".join(to_json([board], [None], [lines(board)])))["protocols"][0]
    assert (head["classes"], head["positive"]) == (["no|<i>", "ab|<b>"], "ab|<b>")
    assert np.isfinite(board.rows[0].aggregates["clean", "sensitivity"].value)
