"""What only maintainers change: a slip of theirs is found before it stops the build."""

from __future__ import annotations

import json

import pytest
from helpers.checkouts import git, reviewed

from medshift.benchmark.submissions.register import REGISTER_FILE, RepeatedRun, read_register
from medshift.leaderboard.entries.boards_file import BOARDS_FILE


def as_maintainer(root, before="before"):
    return reviewed(root, "boss", before, maintainers=["boss"])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"maintainers": "x"}, "boards.json is not a valid file of boards: maintainers: Input should be a valid array"),
        ({"boards": ["made-upp"]}, "names the board 'made-upp', which is not there"),
        ({"boards": ["made-up"], "owners": {"made-up/there": ["bob"]}}, ""),
    ],
)
def test_a_slip_in_the_file_of_boards_is_found(checkout, fields, says):
    root, place = checkout
    (place.parent / BOARDS_FILE).write_text(json.dumps({"schema": "medshift-boards/1", **fields}))
    text, sound = as_maintainer(root)
    assert sound == (not says)
    assert says in text
    assert str(root) not in text


def test_owners_of_an_entry_that_is_not_there_are_to_be_looked_at(checkout):
    root, place = checkout
    (place.parent / BOARDS_FILE).write_text('{"schema": "medshift-boards/1", "owners": {"made-up/thre": ["bob"]}}')
    text, sound = as_maintainer(root)
    assert sound
    assert "owners of `made-up/thre`, which is not there" in text[text.index("### To be looked at") :]


def line(seed, date="2026-11-30"):
    zeros = "0" * 64
    return RepeatedRun(
        protocol="made-up", entry="there", seed=seed, card_sha256=zeros, predictions_sha256=zeros, result="bytes",
        largest_difference=0, version="0.1.0", commit=None, date=date, machine="Linux", process="apart",
        log_sha256=zeros, by="a maintainer",
    )  # fmt: skip


def register(place, *lines):
    fields = {"schema": "medshift-register/1", "runs": [each.model_dump(mode="json") for each in lines]}
    (place.parent / REGISTER_FILE).write_text(json.dumps(fields))
    assert len(read_register(place.parent).runs) == len(lines)


def test_maintainers_bring_in_the_register_and_see_which_runs_come_and_go(checkout):
    root, place = checkout
    register(place, line(0))
    text, sound = as_maintainer(root)
    assert sound, text
    assert "`verified.json`: **registers** `made-up/there/seed-0`" in text
    git(root, "commit", "--quiet", "-m", "registered")
    git(root, "worktree", "add", "--quiet", "--detach", root.parent / "later")
    register(place, line(1))
    text, sound = as_maintainer(root, "later")
    assert sound
    assert "**registers** `made-up/there/seed-1`" in text
    assert "**removes the run of** `made-up/there/seed-0`" in text
    (place.parent / REGISTER_FILE).unlink()
    text, sound = as_maintainer(root, "later")
    assert sound
    assert "**removes** the register: every entry is ranked" in text
    for change in (lambda: None, lambda: register(place, line(0, "2026-11-29"))):
        change()
        text, sound = reviewed(root, "mallory", "later")
        assert not sound
        assert "the register is written by maintainers and by CI" in text


def test_a_damaged_register_is_refused(checkout):
    root, place = checkout
    (place.parent / REGISTER_FILE).write_text("{")
    text, sound = as_maintainer(root)
    assert not sound
    assert "verified.json is not a valid register" in text
    assert str(root) not in text
