"""A maintainer's rerun takes the place of what this machine does not reproduce, whole or not at all."""

from __future__ import annotations

import errno
import shutil
import subprocess

import numpy as np
import pytest
from helpers.apart.verifying import medshift

from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.protocols import folder as planning
from medshift.benchmark.runs.verification.replacing import replace_submission
from medshift.benchmark.runs.verification.verify import Outcome, write_record
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import submission
from medshift.benchmark.submissions.register import read_register
from medshift.leaderboard.entries.entries import protocol_folder
from medshift.leaderboard.ranking.board import rank_entries
from medshift.shifts.errors import MedshiftError


def test_a_maintainer_puts_what_came_out_in_its_place_and_that_is_verified(made, turned, tmp_path, monkeypatch):
    monkeypatch.delenv("MEDSHIFT_IN_PROCESS", raising=False)
    (home, images, place), (copy, _) = made, turned
    root, log = copy.parents[2], tmp_path / "logs" / f"{'--'.join(copy.parts[-3:])}.log"
    words = ["verify", copy, "--data", images, "--record", "--logs", log.parent]
    log.parent.mkdir()
    log.write_text("what it printed")
    assert "--take puts" in medshift(home, *words).stdout
    assert read_register(root).runs == ()
    write_record(copy, Outcome("bytes", 0.0, []), "its author")
    assert "is not committed as it is, so the author's files would be lost" in medshift(home, *words, "--take").stderr
    git = ["git", "-C", root, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in ("init --quiet", "add .", "commit --quiet -m x"):
        subprocess.run([*git, *command.split()], check=True)
    done = medshift(home, *words, "--take")
    assert done.returncode == 0, done.stderr
    assert "replaced by what came out here, and recorded" in done.stdout
    assert submission.check_submission(copy, *planning.read_protocol(copy.parent.parent)) == []
    assert sha256(copy / "predictions.parquet") == sha256(place / "predictions.parquet")
    card = cards.read(copy)
    assert (card.submitter, card.environment.packages["numpy"]) == ("Imaging, St. Elsewhere", np.__version__)
    (run,) = read_register(root).runs
    assert (run.result, run.largest_difference > 0) == ("remade", True)
    (row,) = (row for row in rank_entries(protocol_folder(copy.parent.parent), replicates=50, workers=1).rows)
    assert row.verified
    assert medshift(home, *words).stdout.count("reproduced: the predictions have the same bytes") == 1
    assert read_register(root).runs[0].model_copy(update={"log_sha256": run.log_sha256}) == run  # still said
    refused = medshift(home, "verify", root, "--next", "1", "--record", "--take")
    assert "for one submission at a time" in refused.stderr


def test_what_cannot_take_the_place_of_a_submission_leaves_it_as_it_was(made, turned, tmp_path, monkeypatch):
    (_, _, place), (copy, _) = made, turned
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    again = tmp_path / "again"
    shutil.copytree(place, again)
    other = cards.read(again)
    newer = other.baseline.model_copy(update={"distribution": "medshift 9.9", "summary": "other words"})
    cards.write(other.model_copy(update={"baseline": newer}), again)
    with pytest.raises(MedshiftError, match=r"made with medshift .*, and what runs here is medshift 9\.9"):
        replace_submission(copy, again)
    cards.write(other, again)
    full = OSError(errno.ENOSPC, "No space left on device", str(copy / "curve.json"))
    copied = shutil.copyfile

    def until_it_is_full(source, to):
        if source.name == "predictions.parquet":
            raise full
        return copied(source, to)

    monkeypatch.setattr(shutil, "copyfile", until_it_is_full)
    with pytest.raises(MedshiftError, match="cannot be written: No space left"):
        replace_submission(copy, again)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
