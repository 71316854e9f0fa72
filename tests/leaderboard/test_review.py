"""The check of a pull request: what it reports of the entries that it changes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from helpers.cli import MEDSHIFT

from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.runs.verify import Outcome, write_record
from medshift.benchmark.submissions.card import CARD_FILE
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE
from medshift.benchmark.submissions.verification_record import VERIFIED_FILE
from medshift.leaderboard.entries.boards_file import BOARDS_FILE
from medshift.leaderboard.review.changes import of_diff, of_folders
from medshift.leaderboard.review.owners import Asker
from medshift.leaderboard.review.review import review
from medshift.leaderboard.review.wording import LONGEST, fitted
from medshift.shifts.errors import MedshiftError

MARKED = Outcome("bytes", 0, [])


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


def edit(folder, change):
    """Edit the fields of a card."""
    fields = json.loads((folder / CARD_FILE).read_text())
    change(fields)
    (folder / CARD_FILE).write_text(json.dumps(fields))


def without_code(text):
    """Remove code spans from Markdown, in which nothing is a link, a mention or HTML."""
    return re.sub(r"`[^`\n]*`", "", text)


def test_a_sound_entry_is_told_where_it_would_stand(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=8))
    fabricate.submission(place, protocol, rows, "there", skill=1.0)
    new = fabricate.submission(place, protocol, rows, "new+lr=0.1", skill=3.0)
    text, sound = review(of_folders([new]))
    assert sound
    assert "`new+lr=0.1` on `made-up` (seed 0): valid. It would rank 1 (" in text
    assert "of 2, in tier 1" in text
    assert text.endswith(" under shift.\n")
    assert "`there`" not in text


def test_without_any_shift_the_clean_figure_is_told_as_such(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=8), shifts={}, targets=())
    text, sound = review(of_folders([fabricate.submission(place, protocol, rows, "new")]))
    assert sound
    assert text.endswith(" without any shift.\n")


def test_a_seed_that_differs_from_its_siblings_is_refused_with_the_whole_entry(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, protocol, rows, "there", 0)
    new = fabricate.submission(place, protocol, rows, "there", 1, config={"lr": 0.1})
    text, sound = review(of_folders([new]))
    assert not sound
    assert "`made-up/there`: **refused**" in text
    assert "seeds 0 and 1 differ in more than the seed" in text
    assert str(tmp_path) not in text


def test_what_is_wrong_is_listed_and_is_text(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    bad = fabricate.submission(place, protocol, rows, "bad")
    edit(bad, lambda fields: fields.update({"[x](http://evil) @everyone <img>": 1}))
    marked = fabricate.submission(place, protocol, rows, "marked")
    write_record(marked, MARKED, "myself")
    text, sound = review(of_folders([bad, marked, place / "gone" / "seed-0"]))
    assert not sound
    assert "`made-up/bad/seed-0`: **refused**" in text
    assert "verified.json lies beside a card or predictions that change" in text
    outside = without_code(text)
    assert "](http" not in outside
    assert "@everyone" not in outside
    assert "<img>" not in outside
    assert review(of_folders([])) == ("## Leaderboard\n\nThis pull request changes no entry.\n", True)
    assert not review(of_folders([tmp_path / "nowhere" / "a" / "seed-0"]))[1]


def test_a_contest_in_a_folder_of_another_name_is_refused(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, protocol, rows, "new")
    text, sound = review(of_folders([place.rename(place.with_name("other")) / "new" / "seed-0"]))
    assert not sound
    assert "its protocol is named 'made-up'" in text


@pytest.fixture
def checkout(fabricate, tmp_path):
    """A committed checkout with an entry of two seeds, the second marked; returns (checkout, protocol folder)."""
    root = tmp_path / "checkout"
    place, protocol, rows = fabricate.contest(root / "leaderboard" / "submissions", fabricate.table(groups=4))
    for seed in (0, 1):
        fabricate.submission(place, protocol, rows, "there", seed)
    write_record(place / "there" / "seed-1", MARKED, "somebody")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "the base")
    git(root, "worktree", "add", "--quiet", "--detach", tmp_path / "before")
    return root, place


def git(root, *words, email="7+alice@users.noreply.github.com"):
    author = ["-c", "user.name=nobody", "-c", f"user.email={email}", "-c", "core.autocrlf=false"]
    done = subprocess.run(["git", "-C", root, *author, *words], capture_output=True, check=True)
    return done.stdout


def changes_of(root):
    git(root, "add", "--all")
    return git(root, "diff", "--cached", "--raw", "-z", "--no-renames", "HEAD")


def reviewed(root, login="Alice", before="before", **more):
    """Review the changes to a checkout, as asked for by who owns its entry, unless another is given."""
    asker = Asker(login, root.parent / before if before else None, **more)
    return review(of_diff(changes_of(root), root), asker)


def copied(place):
    shutil.copytree(place / "there" / "seed-0", place / "there" / "seed-2")
    edit(place / "there" / "seed-2", lambda fields: fields.update(seed=2))


def renamed(place):
    """Rename somebody's entry and edit its cards to match."""
    (place / "there").rename(place / "mine")
    (place / "mine" / "seed-1" / VERIFIED_FILE).unlink()
    for seed in (0, 1):
        edit(place / "mine" / f"seed-{seed}", lambda f: (f.update(entry="mine"), f["baseline"].update(name="mine")))


SOUND = {
    "a new seed": (copied, "**adds to it** seed 2: it was rank 1 of 1"),
    "a file elsewhere": (
        lambda place: (place.parent.parent / "x.py").write_text("x"),
        "This pull request changes no entry.",
    ),
    "an entry renamed": (renamed, "**removes** seeds 0, 1: it was rank 1 of 1"),
    "a mark": (
        lambda place: write_record(place / "there" / "seed-0", MARKED, "me"),
        "verification mark added, to be checked by a maintainer",
    ),
    "a mark removed": (
        lambda place: (place / "there" / "seed-1" / VERIFIED_FILE).unlink(),
        "**removes the verification mark of** seed 1",
    ),
    "a marked card edited, its mark removed": (
        lambda place: (
            (place / "there" / "seed-1" / VERIFIED_FILE).unlink(),
            edit(place / "there" / "seed-1", lambda fields: fields.update(submitter="another")),
        ),
        "**changes** card.json, verified.json of seed 1",
    ),
}
REFUSED = {
    "a linked contest": (
        lambda place: (place.parent / "copy").symlink_to(place.name),
        "is a link or not a regular",
    ),
    "a linked entry": (lambda place: (place / "copy").symlink_to("there"), "is a link or not a regular"),
    "a linked protocol": (
        lambda place: ((place.parent / "b").mkdir(), (place.parent / "b" / "protocol.json").symlink_to("/etc/passwd")),
        "is a link or not a regular",
    ),
    "a linked card": (
        lambda place: (
            (place / "there" / "seed-0" / CARD_FILE).unlink(),
            (place / "there" / "seed-0" / CARD_FILE).symlink_to("../seed-1/card.json"),
        ),
        "is a link or not a regular",
    ),
    "a file beside the entries": (lambda place: (place / "conftest.py").write_text("x"), "does not belong"),
    "a file beside the contests": (lambda place: (place.parent / "index.html").write_text("x"), "does not belong"),
    "a file deep in a seed": (
        lambda place: ((place / "there/seed-0/x").mkdir(), (place / "there/seed-0/x" / CARD_FILE).write_text("{}")),
        "does not belong",
    ),
    "an entry of no name": (
        lambda place: shutil.copytree(place / "there" / "seed-0", place / "<img> @all" / "seed-0"),
        "does not belong",
    ),
    "a seed of no number": (
        lambda place: shutil.copytree(place / "there" / "seed-0", place / "there" / "seed-00"),
        "does not belong",
    ),
    "a protocol edited": (
        lambda place: (place / "protocol.json").write_text((place / "protocol.json").read_text() + "\n"),
        "an entry must not change its protocol",
    ),
    "a contest removed": (shutil.rmtree, "an entry must not change its protocol"),
    "a new contest that is none": (
        lambda place: ((place.parent / "new").mkdir(), (place.parent / "new" / "protocol.json").write_text("{}")),
        "is not a valid protocol",
    ),
    "a marked card edited": (
        lambda place: edit(place / "there" / "seed-1", lambda fields: fields.update(submitter="another")),
        "lies beside a card or predictions that change",
    ),
    "predictions removed": (
        lambda place: (place / "there" / "seed-0" / PREDICTIONS_FILE).unlink(),
        "predictions.parquet is missing",
    ),
    "a forged mark": (
        lambda place: (place / "there" / "seed-0" / VERIFIED_FILE).write_text("{}"),
        "verified.json: predictions_sha256: Field required",
    ),
}


def review_of(checkout, kind):
    """Make a kind of change, review it, and check that the review says what it should."""
    root, place = checkout
    change, says = kind
    change(place)
    text, sound = reviewed(root)
    assert says in text
    return text, sound


@pytest.mark.parametrize("kind", SOUND)
def test_what_may_change_is_told(checkout, kind):
    text, sound = review_of(checkout, SOUND[kind])
    assert sound, text


@pytest.mark.parametrize("kind", REFUSED)
def test_every_other_change_is_refused_by_name(checkout, kind):
    text, sound = review_of(checkout, REFUSED[kind])
    assert not sound
    assert str(checkout[0]) not in text
    assert "<img>" not in without_code(text)
    assert "@all" not in without_code(text)


def test_the_command_takes_the_changes_of_a_checkout(checkout):
    root, place = checkout
    (place.parent / "copy").symlink_to(place.name)
    git(root, "add", "--all")
    changes = root / "changes"
    changes.write_bytes(git(root, "diff", "--cached", "--raw", "-z", "--no-renames", "HEAD"))
    words = [*MEDSHIFT, "check", "entries", "--changes", changes, "--checkout", root, "--report", root / "report.md"]
    assert subprocess.run(words, check=False).returncode == 1
    assert "`leaderboard/submissions/copy: is a link" in (root / "report.md").read_text()


@pytest.mark.parametrize("raw", [b"x", b"a.txt\0b.txt\0", b":100644 100644 0 0 R100\0a\0b\0c\0"])
def test_what_is_no_list_of_changes_is_refused(raw, tmp_path):
    with pytest.raises(MedshiftError, match="git diff --raw"):
        of_diff(raw, tmp_path)


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
    assert subprocess.run([*MEDSHIFT, *words], check=False).returncode == 1
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
