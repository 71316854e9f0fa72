"""Whose an entry is: what a pull request may change of what is there, and how its report says so."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.checkouts import changes_of, copied, edit, git, renamed, reviewed
from helpers.cli import medshift

from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE
from medshift.benchmark.submissions.siblings import unfit_name
from medshift.benchmark.submissions.verification_record import VERIFIED_FILE
from medshift.leaderboard.entries.boards_file import BOARDS_FILE
from medshift.leaderboard.review.changes import of_diff
from medshift.leaderboard.review.owners import Asker
from medshift.leaderboard.review.review import review
from medshift.leaderboard.review.wording import LONGEST, fitted


def test_what_changes_is_said_before_what_is_added_with_old_and_new_figure(checkout, fabricate):
    root, place = checkout
    protocol, rows = read_protocol(place)
    fabricate.submission(place, protocol, rows, "aaa", skill=3.0)
    shutil.rmtree(place / "there" / "seed-0")
    fabricate.submission(place, protocol, rows, "there", 0, skill=0.1)
    text, sound = reviewed(root)
    assert sound
    changes, adds = text.index("### What this changes or removes"), text.index("### What this adds")
    assert text.splitlines()[2] == "### What this changes or removes"
    assert changes < text.index("`made-up/there` (submitter `somebody`; of `alice`) **changes** card.json") < adds
    old, new = re.findall(r"rank (\d of \d), balanced accuracy (\S+)", text[changes:adds])
    assert (old[0], new[0]) == ("1 of 1", "2 of 2")
    assert float(new[1]) < float(old[1]) - 0.1
    assert adds < text.index("`aaa` on `made-up`")


BY_OTHERS = {
    "replaces predictions": lambda place: (place / "there" / "seed-0" / PREDICTIONS_FILE).write_bytes(b"x"),
    "adds a seed": copied,
    "removes a seed": lambda place: shutil.rmtree(place / "there" / "seed-1"),
    "removes the entry": lambda place: shutil.rmtree(place / "there"),
    "renames the entry": renamed,
    "removes a mark": lambda place: (place / "there" / "seed-1" / VERIFIED_FILE).unlink(),
    "changes a mark": lambda place: edit_file(place / "there" / "seed-1" / VERIFIED_FILE),
    "changes a submitter": lambda place: edit(place / "there" / "seed-0", lambda fields: fields.update(submitter="x")),
}


def edit_file(path):
    path.write_text(path.read_text() + "\n")


@pytest.mark.parametrize("kind", BY_OTHERS)
def test_an_entry_can_be_touched_by_nobody_but_its_owner_and_the_maintainers(checkout, kind):
    root, place = checkout
    BY_OTHERS[kind](place)
    text, sound = reviewed(root, "mallory")
    assert not sound
    assert "**refused**: `belongs to alice, not to mallory" in text


def test_a_login_is_compared_whole_whatever_its_case(checkout):
    root, _ = checkout
    before = root.parent / "before"
    assert Asker("ALICE", before).refusal("made-up/there") == ""
    assert Asker("boss", before, ["Boss"]).refusal("made-up/there") == ""
    for login in ("", "alice2", "lice"):
        assert Asker(login, before).refusal("made-up/there").startswith("belongs to alice")


def test_a_login_that_was_given_up_gives_no_rights_to_who_has_it_now(checkout, tmp_path):
    root, _ = checkout
    before = root.parent / "before"
    assert Asker("alice-renamed", before, number="7").refusal("made-up/there") == ""
    says = "belongs to alice, which was another account then (number 7): submit under another name"
    assert Asker("alice", before, number="8").refusal("made-up/there").startswith(says)
    git(root, "commit", "--quiet", "--amend", "-m", "x", "--reset-author", email="alice@users.noreply.github.com")
    git(before, "checkout", "--quiet", git(root, "rev-parse", "HEAD").decode().strip())
    assert "(number not known)" in Asker("alice", before, number="7").refusal("made-up/there")
    (before / "leaderboard" / "submissions" / BOARDS_FILE).write_text(
        '{"schema": "medshift-boards/1", "boards": [], "owners": {"made-up/there": ["alice"]}}'
    )
    assert Asker("alice", before, number="7").refusal("made-up/there") == ""  # the maintainers say so


def test_a_submodule_that_a_pull_request_hides_is_seen_and_takes_no_entry_off_the_board(checkout):
    root, place = checkout
    (root / ".gitmodules").write_text(
        '[submodule "x"]\n path = leaderboard/submissions/made-up/There\n url = .\n ignore = all\n'
    )
    head = git(root, "rev-parse", "HEAD").decode().strip()
    git(root, "add", ".gitmodules")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{head},leaderboard/submissions/made-up/There")
    git(root, "commit", "--quiet", "-m", "nothing to see")
    workflow = (Path(__file__).parents[3] / ".github" / "workflows" / "leaderboard.yml").read_text()
    (words,) = re.findall(r"git -C head (diff .+) > changes\n", workflow)
    text, sound = review(of_diff(git(root, *words.split()), root), Asker("mallory", root.parent / "before"))
    assert not sound
    assert "is a link or not a regular file" in text
    (place / "There").mkdir()  # as a checkout has it
    assert unfit_name(place / "there") == ""
    fit = place / "There" / "seed-0" / "card.json"
    fit.parent.mkdir()
    fit.touch()
    assert "in case only" in unfit_name(place / "there")


def test_names_in_the_commits_of_a_pull_request_and_a_shallow_history_give_no_rights(checkout):
    root, place = checkout
    copied(place)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "mine", email="alice@users.noreply.github.com")
    raw = git(root, "diff", "--raw", "-z", "--no-renames", "HEAD^", "HEAD")
    assert not review(of_diff(raw, root), Asker("mallory", root.parent / "before"))[1]
    assert review(of_diff(raw, root), Asker("alice", root.parent / "before"))[1]
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{root}", root.parent / "shallow"], check=True)
    assert Asker("alice", root.parent / "shallow").owners("made-up/there") == ()
    assert Asker("alice", root.parent / "before").owners("made-up/there") == ("alice",)
    assert Asker("alice", root.parent / "nowhere").owners("made-up/there") == ()


def test_who_adds_a_seed_later_does_not_own_the_entry_and_an_address_of_ones_own_gives_it_to_the_maintainers(checkout):
    root, place = checkout
    copied(place)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "a seed", email="bob@users.noreply.github.com")
    assert Asker("", root).owners("made-up/there") == ("alice",)
    shutil.copytree(place / "there", place / "new")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "an entry", email="bob@example.org")
    assert Asker("bob", root).owners("made-up/new") == ()
    assert Asker("bob", root).refusal("made-up/new").startswith("belongs to the maintainers, not to bob")


MALLORY = "9+mallory@users.noreply.github.com"


def commit(root, email, message="wip"):
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", message, email=email)


@pytest.mark.parametrize("by_way_of", ["nothing else", "a card between", "one seed alone"])
def test_who_removes_an_entry_and_puts_the_same_bytes_back_does_not_own_it(checkout, by_way_of):
    root, place = checkout
    edit(place / "there" / "seed-0", lambda fields: fields.update(summary="second thoughts"))
    commit(root, "7+alice@users.noreply.github.com")
    taken = place / "there" / "seed-0" if by_way_of == "one seed alone" else place / "there"
    shutil.copytree(taken, root.parent / "kept")
    shutil.rmtree(taken)
    commit(root, MALLORY)
    shutil.copytree(root.parent / "kept", taken)
    if by_way_of == "a card between":
        for seed in (0, 1):
            edit(place / "there" / f"seed-{seed}", lambda fields: fields.update(summary="mine"))
        commit(root, MALLORY)
        shutil.rmtree(taken)
        shutil.copytree(root.parent / "kept", taken)
    commit(root, MALLORY, "fix a typo")
    assert Asker("mallory", root).owners("made-up/there") == ("alice",)


def test_an_entry_that_was_withdrawn_leaves_its_name_to_another_one(checkout):
    root, place = checkout
    shutil.copytree(place / "there", root.parent / "new")
    shutil.rmtree(place / "there")
    commit(root, "7+alice@users.noreply.github.com")
    shutil.copytree(root.parent / "new", place / "there")
    for seed in (0, 1):
        edit(place / "there" / f"seed-{seed}", lambda fields: fields.update(summary="another method"))
    commit(root, "8+bob@users.noreply.github.com")
    assert Asker("bob", root).owners("made-up/there") == ("bob",)


def test_the_maintainers_name_owners_in_a_file_which_only_they_may_change(checkout):
    root, place = checkout
    boards = place.parent / BOARDS_FILE
    boards.write_text('{"schema": "medshift-boards/1", "owners": {"made-up/there": ["mallory"]}, "maintainers": ["m"]}')
    text, sound = reviewed(root, "mallory")
    assert not sound
    assert "`boards.json`: **refused**" in text
    git(root, "commit", "--quiet", "-m", "decided")
    git(root, "worktree", "add", "--quiet", "--detach", root.parent / "later")
    copied(place)
    assert reviewed(root, "mallory", "later")[1]
    assert not reviewed(root, "alice", "later")[1]
    boards.unlink()
    assert not reviewed(root, "mallory", "later")[1]
    assert reviewed(root, "m", "later")[1]


def test_new_protocols_are_for_maintainers(checkout, fabricate):
    root, place = checkout
    fabricate.contest(place.parent, fabricate.table(groups=5), name="0-official")
    text, sound = reviewed(root)
    assert not sound
    assert "`a new protocol is for maintainers: ask one to add it`" in text
    text, sound = reviewed(root, "boss", maintainers=["boss"])
    assert sound, text
    assert "`0-official`: **a new protocol**, below the project's own on the page" in text


def test_a_review_that_does_not_fit_says_so_first_keeps_what_changes_and_is_whole_elsewhere(checkout):
    root, place = checkout
    for number in range(900):
        (place / f"file-{number:04d}-{'x' * 60}").write_text("x")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "files that belong to no submission")
    for stray in place.glob("file-*"):
        stray.unlink()
    (root / "changes").write_bytes(changes_of(root))
    report = root / "r" / "report.md"
    words = ["check", "entries", "--changes", root / "changes", "--checkout", root, "--report", report]
    words += ["--before", root.parent / "before", "--author", "alice", "--maintainer", "alice"]
    assert medshift(*words).returncode == 1
    assert "the whole of it, 904 lines, is in `report-whole.md`" in report.read_text()
    assert (root / "r" / "report-whole.md").read_text().count("**removed**") == 900


def test_only_whole_lines_are_cut_and_how_many_is_said():
    text = "\n".join(["## Leaderboard", "", *(f"- line {number} é" * 20 for number in range(900))])
    short, complete = fitted(text, "the artifact")
    assert not complete
    assert len(short.encode()) <= LONGEST
    assert short.splitlines()[2].startswith("**This review is too long for a comment, and the check is red")
    kept = [line for line in short.splitlines() if line.startswith("- line")]
    assert kept == text.splitlines()[2 : 2 + len(kept)]
    assert f"{900 - len(kept)} more lines are not shown" in short
    assert fitted(text[:100], "the artifact") == (text[:100], True)
