"""The check of a pull request: what it reports of the entries that it changes."""

from __future__ import annotations

import re
import shutil

import pytest
from helpers.checkouts import MARKED, committed, copied, edit, git, renamed, reviewed
from helpers.cli import medshift

from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.runs.verification.verify import write_record
from medshift.benchmark.submissions import card
from medshift.benchmark.submissions.card import CARD_FILE
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE
from medshift.benchmark.submissions.verification_record import VERIFIED_FILE
from medshift.leaderboard.review.changes import of_diff, of_folders
from medshift.leaderboard.review.review import review
from medshift.shifts.errors import MedshiftError


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


def test_entries_of_other_images_are_refused_however_many_they_are(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    made = [fabricate.submission(place, protocol, rows, name) for name in ("there", "new", "other")]
    for folder, images in zip(made, "abb", strict=True):
        found = card.read(folder)
        claim = found.dataset.model_copy(update={"images_sha256": images * 64})
        card.write(found.model_copy(update={"dataset": claim}), folder)
    text, sound = review(of_folders(made[1:]))
    assert not sound
    assert text.count("there/seed-0 was made with other images under the same names") == 2
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


def test_a_name_that_differs_from_an_older_one_in_case_only_is_refused(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, protocol, rows, "mine+norm=False")
    twin = fabricate.submission(place, protocol, rows, "mine+norm=false")
    text, sound = review(of_folders([twin]))
    assert not sound
    assert "differs from that of 'mine+norm=False' in case only: choose another" in text


def test_names_of_one_pull_request_that_differ_in_case_only_are_both_refused(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    new = [fabricate.submission(place, protocol, rows, name) for name in ("Foo", "FOO", "other")]
    text, sound = review(of_folders(new))
    assert not sound
    assert "`the name of the entry differs from that of 'FOO' in case only: choose another`" in text
    assert "`the name of the entry differs from that of 'Foo' in case only: choose another`" in text
    assert "`other` on `made-up` (seed 0): valid" in text


@pytest.mark.parametrize("name", ["audit.json", "Verified.JSON"])
def test_an_entry_cannot_take_the_name_of_a_board_s_own_file(fabricate, tmp_path, name):
    root, place = committed(fabricate, tmp_path)
    fabricate.submission(place, *read_protocol(place), name)
    text, sound = reviewed(root, "mallory")
    assert not sound
    assert f"the name of the entry is that of a board's own file, {name.lower()}" in text


def test_a_contest_in_a_folder_of_another_name_is_refused(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, protocol, rows, "new")
    text, sound = review(of_folders([place.rename(place.with_name("other")) / "new" / "seed-0"]))
    assert not sound
    assert "its protocol is named 'made-up'" in text


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
    words = ["check", "entries", "--changes", changes, "--checkout", root, "--report", root / "report.md"]
    assert medshift(*words).returncode == 1
    assert "`leaderboard/submissions/copy: is a link" in (root / "report.md").read_text()


@pytest.mark.parametrize("raw", [b"x", b"a.txt\0b.txt\0", b":100644 100644 0 0 R100\0a\0b\0c\0"])
def test_what_is_no_list_of_changes_is_refused(raw, tmp_path):
    with pytest.raises(MedshiftError, match="git diff --raw"):
        of_diff(raw, tmp_path)
