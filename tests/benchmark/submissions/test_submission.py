"""Damaged submissions: each refused with its reason, nothing raised, nothing run."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.submissions import predictions, siblings, submission
from medshift.benchmark.submissions.card import CARD_FILE
from medshift.benchmark.submissions.fields import entry_name
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE
from medshift.shifts.errors import MedshiftError


@pytest.fixture
def made(fabricate, tmp_path):
    """A submission, its protocol and its truth."""
    folder, protocol, rows = fabricate.contest(tmp_path, fabricate.table(groups=6))
    return fabricate.submission(folder, protocol, rows), protocol, rows


def edit(folder, change):
    path = folder / CARD_FILE
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def claim(condition, metric, value):
    def change(fields):
        for score in fields["scores"]:
            if (score["condition"], score["metric"]) == (condition, metric):
                score["value"] = value

    return change


def test_a_sound_submission_has_no_problem(made):
    _, protocol, _ = made
    assert submission.check_submission(*made) == []
    read, arrays = submission.read_submission(*made)
    assert read.entry == "steady"
    assert set(arrays) == {c.key for c in protocol.conditions()}


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("m+lr=0.1", {}, "entry is m+lr=0.1, but its settings in the card make it m+lr=0.001"),
        ("m+families=a+b+lr=0.001", {"families": "a+b"}, ""),
        ("m+budget=long", {}, "entry 'm+budget=long' states 'budget', which the card does not have"),
        ("m+tune=4", {}, "states 'tune'"),
        ("m+precision=bfloat16", {}, "make it m+precision=float32"),
        (entry_name("m", {"a": "1 2"}), {"a": "1 2"}, ""),  # ends with a hash, for the space
        ("m+a=1-2+0123abcd", {"a": "1 2"}, "make it m+a=1-2+"),
        (entry_name("m", {"a": "x" * 200}), {"a": "x" * 200}, ""),  # cut
        ("m+mine", {}, "make it m"),
    ],
)
def test_the_name_of_an_entry_states_what_its_card_has(fabricate, tmp_path, name, settings, says):
    folder, protocol, rows = fabricate.contest(tmp_path, fabricate.table(groups=6))
    made = fabricate.submission(folder, protocol, rows, name)
    edit(made, lambda card: card["baseline"].update(config={"lr": 0.001, **settings}))
    found = submission.check_submission(made, protocol, rows)
    assert len(found) == bool(says)
    assert all(says in problem for problem in found)


def test_it_is_checked_from_its_own_folder(made, monkeypatch):
    folder, protocol, rows = made
    monkeypatch.chdir(folder)
    assert submission.check_submission(Path(), protocol, rows) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["protocol"].update(sha256="f" * 64), "protocol.sha256 is"),
        (lambda c: c["protocol"].update(name="easier"), "protocol.name is easier, not made-up"),
        (lambda c: c["dataset"].update(truth_sha256="f" * 64), "dataset.truth_sha256 is"),
        (lambda c: c["dataset"].update(version="2"), "dataset.version is 2, not 1"),
        (lambda c: c.update(seed=7), "seed is 7, not 0"),
        (lambda c: c.update(entry="other"), "entry is other, not steady"),
        (lambda c: c["baseline"].update(name="other"), "does not begin with its baseline 'other'"),
        (lambda c: c["shifts"].pop("gamma"), "shifts is"),
        (lambda c: c["predictions"].update(rows=1), "predictions.rows is 1"),
        (lambda c: c["predictions"].update(sha256="f" * 64), "its sha256 differs"),
        (claim("site-b", "auroc", 0.999), "the predictions do not reproduce 1 claimed score, e.g. auroc of 'site-b'"),
        (claim("site-b", "ece", None), "claimed None"),
        (lambda c: c["scores"].pop(), "lacks 1 score,"),
        (
            lambda c: c["scores"].append({"condition": "x", "metric": "y", "value": 1}),
            "has 1 unknown score, e.g. y of",
        ),
        (lambda c: c["scores"].append(c["scores"][0]), "a score is repeated"),
    ],
)
def test_a_card_edited_by_hand_is_found_out(made, change, says):
    edit(made[0], change)
    found = submission.check_submission(*made)
    assert any(says in problem for problem in found), found
    with pytest.raises(MedshiftError, match="steady"):
        submission.read_submission(*made)


def test_medshifts_own_baselines_see_what_they_see(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    folder = fabricate.submission(place, protocol, rows, "tent", sees="source")
    (found,) = submission.check_submission(folder, protocol, rows)
    assert "baseline.sees is source, but medshift's 'tent' has test-batches" in found
    edit(folder, lambda c: c["baseline"].update(sees="test-batches"))
    assert submission.check_submission(folder, protocol, rows) == []


def test_everything_is_told_in_one_list(made):
    folder = made[0]
    edit(folder, lambda c: (c.update(seed=7), c["protocol"].update(sha256="f" * 64), claim("site-b", "auroc", 1.0)(c)))
    assert len(submission.check_submission(*made)) == 3
    edit(folder, lambda c: (c.pop("code"), c.pop("seed"), c.update(x=1)))
    assert len(submission.check_submission(*made)) == 3
    with pytest.raises(MedshiftError, match=r"\(and 2 more\)"):
        submission.read_submission(*made)


def test_predictions_of_someone_else_are_found_out(fabricate, made):
    folder, protocol, rows = made
    better = fabricate.outputs(protocol, rows, skill=9)
    predictions.write(fabricate.parts(protocol, rows, better), folder / PREDICTIONS_FILE)
    found = submission.check_submission(*made)
    assert any("its sha256 differs" in problem for problem in found)
    assert any("the predictions do not reproduce" in problem for problem in found)


def test_swapped_rows_are_found_out_by_the_claims(fabricate, made):
    folder, protocol, rows = made
    arrays = fabricate.outputs(protocol, rows)
    arrays["site-b"] = np.roll(arrays["site-b"], 1, axis=0)
    path = folder / PREDICTIONS_FILE
    predictions.write(fabricate.parts(protocol, rows, arrays), path)
    edit(folder, lambda c: c["predictions"].update(sha256=sha256(path)))
    assert "the predictions do not reproduce" in submission.check_submission(*made)[0]


def test_links_stray_files_and_missing_ones(made, tmp_path):
    folder = made[0]
    (folder / "evil.py").write_text("raise SystemExit")
    (folder / "pixels").mkdir()
    assert len(submission.check_submission(*made)) == 2
    (folder / "evil.py").unlink()
    (folder / "pixels").rmdir()
    elsewhere = tmp_path / "elsewhere.json"
    shutil.move(folder / CARD_FILE, elsewhere)
    assert submission.check_submission(*made) == ["card.json is missing"]
    (folder / CARD_FILE).symlink_to(elsewhere)
    assert submission.check_submission(*made) == ["'card.json' is a link or not a regular file"]
    (folder / CARD_FILE).unlink()
    os.mkfifo(folder / CARD_FILE)
    assert submission.check_submission(*made) == ["'card.json' is a link or not a regular file"]


def test_a_linked_folder_and_one_that_is_not_there(made, tmp_path):
    folder, protocol, rows = made
    link = folder.parent / "seed-1"
    link.symlink_to(folder)
    assert submission.check_submission(link, protocol, rows) == ["'seed-1' is a link"]
    assert submission.check_submission(tmp_path / "nowhere", protocol, rows) == ["no such folder"]


def test_what_would_be_refused_is_told_before_it_is_made(made):
    entry = made[0].parent
    siblings.require_fit(entry / "seed-1", "somebody")
    for name, says in (("STEADY", "differs from that of 'steady' in case only"), ("boards.json", "a board's own file")):
        with pytest.raises(MedshiftError, match=says):
            siblings.require_fit(entry.with_name(name) / "seed-0", "somebody")


def test_a_file_that_is_far_too_large_is_not_opened(made):
    folder = made[0]
    with (folder / PREDICTIONS_FILE).open("ab") as file:
        file.truncate(200 << 20)
    assert any("200 MiB" in problem for problem in submission.check_submission(*made))


def test_a_card_of_noise_never_raises(made):
    folder = made[0]
    whole = (folder / CARD_FILE).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        harmed = bytearray(whole)
        for place in rng.integers(0, len(whole), 4):
            harmed[place] = int(rng.integers(0, 256))
        (folder / CARD_FILE).write_bytes(bytes(harmed))
        assert all("\n" not in problem for problem in submission.check_submission(*made))
