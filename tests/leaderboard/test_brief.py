"""The short form for a README: who is named, what is drawn, and that both are readable as they are."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from medshift.leaderboard.analysis.findings import findings
from medshift.leaderboard.build import _link
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.board_svg import board_svg, shown
from medshift.leaderboard.report.brief import brief, leading


@pytest.fixture(scope="module")
def board(fabricate, tmp_path_factory):
    """Five entries that see the source, the best transfer and the last from scratch, and one that adapts."""
    place = tmp_path_factory.mktemp("board")
    where, made, rows = fabricate.contest(place, fabricate.table(groups=6))
    names = ("imagenet-finetune", "mixup", "mixstyle", "lp-ft", "scratch", "tent")
    for number, name in enumerate(names):
        fabricate.submission(where, made, rows, entry=name, skill=3 - 0.4 * number)
    (folder,) = protocol_folders(place)
    return rank_entries(folder, 10)


def test_the_first_three_of_each_access_level_are_named(board):
    assert [row.name for row in leading(board)][-1] == "tent"
    source = [row.name for row in board.by_sees()["source"]]
    assert [row.name for row in leading(board)] == [*source[:3], "tent"]
    text = brief([board], [None], "below")
    assert [line.split("`")[3] for line in text.splitlines() if line.startswith("| `")] == [*source[:3], "tent"]
    assert text.startswith(f"[**{board.protocol.name}**](below/{board.protocol.name}) (SIMULATED images): ")
    assert "the first 3 of each access level of 6 entries" in text
    assert brief([board], [None], "").startswith(f"**{board.protocol.name}**")
    assert brief([replace(board, rows=[])], [None], "") == ""
    one = brief([replace(board, rows=board.rows[:1])], [None], "")
    assert one.startswith(f"**{board.protocol.name}** (SIMULATED images): balanced accuracy, 1 entry.\n")
    claimed = replace(board, rows=[replace(row, rank=None, tier=0, claimed=True) for row in board.rows])
    assert brief([claimed], [None], "").endswith(f": {len(board.rows)} claimed, none run again yet.")


def test_several_boards_share_one_table_with_fewer_of_each(board):
    claimed = replace(board, rows=[replace(row, rank=None, tier=0, claimed=True) for row in board.rows])
    title, table = brief([board, claimed, board], [None] * 3, "below").split("\n\n")
    source = [row.name for row in board.by_sees()["source"]]
    assert [line.split("`")[3] for line in table.splitlines()[2:]] == [*source[:2], "tent"] * 2
    assert {line.count("|") for line in table.splitlines()} == {8}
    link = f"[**{board.protocol.name}**](below/{board.protocol.name}) (SIMULATED images): balanced accuracy, "
    counts = ("6 entries", "6 claimed, none run again yet", "6 entries")
    assert title == f"The first 2 of each access level. {'; '.join(link + count for count in counts)}."


def test_claimed_entries_are_counted_apart(board):
    *rows, last = board.rows
    two = replace(board, rows=[*rows[:-1], replace(rows[-1], claimed=True, rank=None, tier=0), last])
    text = brief([two], [None], "")
    assert "the first 3 of each access level of 5 verified entries (and 1 claimed)" in text
    others = [replace(row, claimed=True, rank=None, tier=0) for row in board.rows[1:]]
    one = brief([replace(board, rows=[board.rows[0], *others])], [None], "")
    assert "balanced accuracy, 1 verified entry (and 5 claimed).\n" in one
    said = "the only {}method that sees test-batches".format
    assert any(said("") in line for line in findings(board))
    twice = replace(board, rows=[*board.rows, replace(last, name="adabn", claimed=True, rank=None, tier=0)])
    assert any(said("verified ") in line for line in findings(twice))


def test_one_severity_is_said_to_be_one(board):
    alone = board.protocol.model_copy(update={"severities": (3,)})
    assert findings(replace(board, protocol=alone))[-1].startswith("Synthesized shifts were tested at severity 3 alone")
    for protocol in (board.protocol, alone.model_copy(update={"shifts": {}})):
        assert not any("severity 3 alone" in said for said in findings(replace(board, protocol=protocol)))


def test_the_picture_has_the_best_of_each_approach_though_it_is_not_among_the_first(board):
    assert {row.name for row in shown(board)} == {row.name for row in leading(board)} | {"scratch"}


def test_the_picture_is_xml_with_every_figure_in_its_frame_and_as_text(board):
    root = ElementTree.fromstring(board_svg([board]))
    width, height = float(root.get("width")), float(root.get("height"))
    texts = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"ImageNet transfer", "training from scratch", "adaptation"} <= texts
    assert {row.name for row in shown(board)} <= texts
    titles = {node.text for node in root.iter("{http://www.w3.org/2000/svg}title")}
    for row in shown(board):
        assert row.aggregates["clean", board.rank_by].text in titles
        assert row.aggregates["shifted", board.rank_by].text in titles
    marks = re.findall(r"translate\(([\d.]+),([\d.]+)\)", board_svg([board]))
    assert len(marks) == 3 + 2 * len(shown(board))
    assert all(0 < float(x) < width and 0 < float(y) < height for x, y in marks)


def test_several_boards_are_drawn_below_each_other_under_one_legend_and_claimed_entries_are_not(board):
    claimed = replace(board, rows=[replace(row, rank=None, tier=0, claimed=True) for row in board.rows])
    last = replace(board, rows=[*board.rows[:-1], replace(board.rows[-1], rank=None, tier=0, claimed=True)])
    text = board_svg([board, claimed, last])
    marks = [float(y) for y in re.findall(r"translate\([\d.]+,([\d.]+)\)", text)]
    assert len(marks) == 3 + 2 * (len(shown(board, 2)) + len(shown(last, 2)))
    assert max(marks[:3]) < min(marks[3:])  # the legend comes first
    assert max(marks) < float(ElementTree.fromstring(text).get("height"))
    assert board.rows[-1].name in {row.name for row in shown(board, 2)} - {row.name for row in shown(last, 2)}
    assert text.count('class="head"') == 2


def test_without_a_rank_there_is_a_picture_that_says_so(board):
    unranked = replace(board, rows=[replace(row, rank=None) for row in board.rows])
    assert "No entry is ranked yet." in board_svg([unranked])
    assert "No entry is ranked yet." in board_svg([])


@pytest.mark.parametrize(("root", "link"), [("boards/ours", "boards/ours"), (".", "."), ("../elsewhere", "")])
def test_the_readme_links_to_what_lies_below_it(tmp_path, root, link):
    assert _link(tmp_path / "README.md", (tmp_path / root).resolve()) == link
