"""The page over boards and its files: when there is one, what it links, and that nothing of a name becomes markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from helpers.boards import HOSTILE

from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.site.across import across_page, compare_boards
from medshift.leaderboard.report.site.across_files import across_json, across_markdown

ENTRIES = {"imagenet-finetune": 3.0, "scratch": 1.0, "tent": 2.0}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


def contest(fabricate, root, name, entries):
    small = {"targets": ("site-b",), "shifts": {"gamma": "contrast"}, "severities": (3,)}
    rows = fabricate.table(groups=4, per_group=2, targets=("site-b",))
    place, made, rows = fabricate.contest(root, rows, name=name, **small)
    for entry, skill in entries.items():
        fabricate.submission(place, made, rows, entry, skill=skill, training=fabricate.trained(3000))


def test_one_board_has_no_page_over_boards_and_says_nothing_of_it(fabricate, tmp_path):
    contest(fabricate, tmp_path / "in", "first", ENTRIES)
    contest(fabricate, tmp_path / "in", "second", {})
    build_leaderboard(tmp_path / "in", tmp_path / "out")
    assert not list((tmp_path / "out").glob("over*"))
    for path in (tmp_path / "out").iterdir():
        assert not re.search("over.boards", path.read_text(), re.IGNORECASE), path.name


def test_two_boards_with_shared_entries_have_a_page_that_all_others_link(fabricate, tmp_path):
    for name in ("first", "second"):
        contest(fabricate, tmp_path / "in", name, ENTRIES)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- leaderboard:begin -->\n<!-- leaderboard:end -->\n")
    build_leaderboard(tmp_path / "in", tmp_path / "out", readme)
    text = (tmp_path / "out" / "over-boards.html").read_text()
    for name in ("index.html", "board-first.html", "board-second.html"):
        assert 'href="over-boards.html"' in (tmp_path / "out" / name).read_text()
        assert f'href="{name}"' in text
    assert len(set(re.findall(r' id="([^"]*)"', text))) == len(re.findall(r' id="', text))
    terms = [f"term-{name}" for name in re.findall(r'data-term="(.*?)"', text)]
    for target in re.findall(r'href="#([^"]*)"', text) + terms:
        assert f'id="{target}"' in text
    said = " ".join(text.split())
    assert "that of a rank counts the entries from which it is told apart on that board" in said
    assert "drawn again" not in said
    assert "of approaches and leaders by all its ranked entries, of synthesized shifts by all its entries<" in said
    found = json.loads((tmp_path / "out" / "over-boards.json").read_text())
    assert [board["name"] for board in found["boards"]] == ["first", "second"]
    assert {each["entry"]: each["mean_rank"][0] for each in found["entries"]} == {
        "imagenet-finetune": 1.0,
        "scratch": 2.0,
        "tent": 1.0,
    }
    whole, short = (path.read_text() for path in (tmp_path / "out" / "leaderboard.md", readme))
    (line,) = (line for line in whole.splitlines() if line.startswith("| `source` | `scratch` |"))
    assert line.startswith("| `source` | `scratch` | training from scratch | 2.0 (")
    (over,) = (line for line in short.splitlines() if line.startswith("**Over boards**: "))
    assert over in whole


@pytest.fixture
def boards(fabricate, tmp_path):
    for name in ("first", "second"):
        contest(fabricate, tmp_path / "in", name, ENTRIES)
    return [rank_entries(folder, 40, workers=1) for folder in protocol_folders(tmp_path / "in")]


def test_the_same_boards_give_the_same_bytes_and_others_do_not(boards):
    made = [(across_page(c), across_json(c), across_markdown(c)) for c in (compare_boards(boards, [None] * 2),) * 2]
    assert made[0] == made[1]
    fewer = [replace(boards[0], rows=boards[0].rows[:1]), boards[1]]
    assert across_json(compare_boards(fewer, [None] * 2)) != made[0][1]


def test_no_name_becomes_markup(boards):
    renamed = []
    for board in boards:
        protocol = board.protocol.model_copy(update={"name": f"{board.protocol.name} {HOSTILE}"})
        renamed.append(
            replace(board, protocol=protocol, rows=[replace(row, name=f"{row.name} {HOSTILE}") for row in board.rows])
        )
    compared = compare_boards(renamed, [None] * 2)
    text = across_page(compared)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert" in text
    assert text.count("<script>") == 1
    header = across_markdown(compared).splitlines()[2]  # names of entries are held to letters that Markdown keeps
    assert "<script>" not in header
    assert "[a](" not in header


def test_boards_of_claimed_entries_are_shown_without_ranks(boards):
    nobody = [
        replace(b, rows=[replace(row, claimed=True, rank=None, tier=0) for row in b.rows], registered=True)
        for b in boards
    ]
    compared = compare_boards(nobody, [None] * 2)
    text = across_page(compared)
    assert compared.answer.line.startswith("No entry has a rank on every board yet")
    assert text.count("<td>claimed</td>") == 2 * len(ENTRIES)
    assert 'class="dots across"' not in text
    assert across_markdown(compared) == ""
    assert all(each["mean_rank"] is None for each in json.loads(across_json(compared))["entries"])
