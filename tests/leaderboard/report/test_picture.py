"""The picture of a board: where figures stand, what marks them, and how entries are grouped."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from helpers.boards import page

from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.site.index import index_page
from medshift.leaderboard.report.site.picture import picture
from medshift.leaderboard.report.site.thumbnail import thumbnail

FIGURES = {  # entry -> clean and shifted with intervals
    "imagenet-finetune": ((0.8, 0.7, 0.8), (0.6, 0.55, 0.7)),
    "scratch": ((0.7, 0.65, 0.75), (0.5, 0.5, 0.65)),
    "tent": ((0.75, 0.7, 0.8), (0.65, math.nan, math.nan)),
    "acme-net": ((math.nan,) * 3, (0.55, 0.5, 0.6)),
}


@pytest.fixture(scope="module")
def board(fabricate, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        root = tmp_path_factory.mktemp("in")
        place, made, rows = fabricate.contest(root, fabricate.table(groups=8))
        for name in FIGURES:
            fabricate.submission(place, made, rows, name)
        found = rank_entries(protocol_folders(root)[0], 50, workers=1)
    rows = []
    for row in found.rows:
        values = row.aggregates.values.copy()
        for name, figure in zip(("clean", "shifted"), FIGURES[row.name], strict=True):
            values[row.aggregates.names.index(name), row.aggregates.metrics.index(found.rank_by)] = figure
        rows.append(replace(row, aggregates=replace(row.aggregates, values=values)))
    return replace(found, rows=rows)


def dots(found):
    return {each.name: each for tiers in found.groups.values() for _, members in tiers for each in members}


def test_figures_stand_where_the_axis_says(board):
    found = picture(board)
    assert [label for _, label in found.ticks] == ["0.5", "0.6", "0.7", "0.8"]
    assert [x for x, _ in found.ticks] == [2, 34, 66, 98]
    spans = dots(found)["imagenet-finetune"].spans
    assert (spans["clean"].at, spans["clean"].low, spans["clean"].high) == (98, 66, 98)
    assert (spans["shifted"].at, spans["shifted"].low, spans["shifted"].high) == (34, 18, 66)
    assert spans["shifted"].text == ".600 [.55, .70]"
    alone = dots(found)["tent"].spans["shifted"]
    assert alone.at == alone.low == alone.high == 50  # no interval
    assert list(dots(found)["acme-net"].spans) == ["shifted"]
    assert found.chance == 2  # of two classes


def test_every_approach_has_a_shape_of_its_own(board):
    found = picture(board)
    assert {name: each.mark for name, each in dots(found).items()} == {
        "imagenet-finetune": "imagenet",
        "scratch": "scratch",
        "tent": "adaptation",
        "acme-net": "other",
    }
    text = page(board)
    shapes = dict(re.findall(r'<(?:path|circle) id="m-(\w+)" (?:d|r)="([^"]+)"', text))
    assert len(set(shapes.values())) == len(shapes) == 4
    used = re.findall(r'<use href="#m-(\w+)" class="dot', text)
    assert set(used) == set(shapes)


def test_entries_stand_by_what_they_see_with_the_level_of_the_best_first(board):
    found = picture(board)
    assert list(found.groups) == ["test-batches", "source"]
    assert [tier for tier, _ in found.groups["test-batches"]] == [1]


def test_claimed_entries_are_drawn_apart_and_last_without_a_tier(board):
    rows = [replace(row, rank=None, tier=0, claimed=True) if row.name == "tent" else row for row in board.rows]
    claimed = replace(board, rows=[*(row for row in rows if not row.claimed), *(row for row in rows if row.claimed)])
    found = picture(claimed)
    assert list(found.groups) == ["source", ""]
    ((tier, (alone,)),) = found.groups[""]
    assert (tier, alone.name, alone.claimed) == (0, "tent", True)
    assert alone.spans == dots(picture(board))["tent"].spans
    text = page(claimed)
    assert "not run again, so without rank and tier" in text
    assert "adaptation, sees test-batches, claimed." in text
    assert "not run again" not in page(board)
    assert text.count("Claimed: nobody has run these entries again yet") == 3  # in every table of entries
    assert text.count('<option value="tent">tent (claimed)</option>') == 2
    assert "(claimed)" not in page(board)
    assert [(line.mark, line.claimed) for line in thumbnail(claimed).rows][-1] == ("adaptation", True)
    assert "faint: <" in index_page([claimed])
    assert "3 approaches" in index_page([claimed])  # as many as are drawn
    assert "faint: <" not in index_page([board])


def test_the_best_come_first_and_claimed_ones_by_figure_whatever_their_names(board):
    rows = [row if row.name == "tent" else replace(row, rank=None, tier=0, claimed=True) for row in board.rows]
    found = replace(board, rows=rows)
    assert [row.name for row in found.best_first()] == ["tent", "imagenet-finetune", "acme-net", "scratch"]
    legend = re.search(
        r'<ul class="legend">.*?</ul>', page(found)[page(found).index("Shifted against clean") :], re.DOTALL
    )
    assert legend[0].count("(claimed)</li>") == 3


def test_a_thumbnail_is_sorted_by_the_figure_that_ranks(board):
    assert [line.mark for line in thumbnail(board).rows] == ["adaptation", "imagenet", "other", "scratch"]


@pytest.mark.parametrize(("copies", "height"), [(1, 4 * 16 + 8), (10, 170 + 8), (100, 170 + 8)])
def test_a_thumbnail_stays_small_however_many_entries_it_has(board, copies, height):
    found = thumbnail(replace(board, rows=board.rows * copies))
    assert found.height == height
    assert all(0 < line.y < height for line in found.rows)


def test_a_board_without_figures_has_no_picture(board):
    assert picture(replace(board, rows=[])) is None
    assert thumbnail(replace(board, rows=[])) is None
