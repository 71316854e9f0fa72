"""A committed checkout with one entry, and changes to it."""

from __future__ import annotations

import json
import shutil
import subprocess

from medshift.benchmark.runs.verification.verify import Outcome, write_record
from medshift.benchmark.submissions.card import CARD_FILE
from medshift.benchmark.submissions.verification_record import VERIFIED_FILE
from medshift.leaderboard.review.changes import of_diff
from medshift.leaderboard.review.owners import Asker
from medshift.leaderboard.review.review import review

MARKED = Outcome("bytes", 0, [])


def edit(folder, change):
    """Edit the fields of a card."""
    fields = json.loads((folder / CARD_FILE).read_text())
    change(fields)
    (folder / CARD_FILE).write_text(json.dumps(fields))


def committed(fabricate, tmp_path):
    """Make a committed checkout with an entry of two seeds, the second marked; returns (checkout, protocol folder)."""
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
    return git(root, "diff", "--cached", "--raw", "-z", "--no-renames", "--ignore-submodules=none", "HEAD")


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
