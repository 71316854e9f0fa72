"""An entry is run again in a clean process; what differs is said; a mark holds for its predictions alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.apart.verifying import medshift
from helpers.boards import built_page
from helpers.images.image_folders import folder

from medshift.benchmark.protocols import data
from medshift.benchmark.protocols import folder as planning
from medshift.benchmark.runs.verification import rerun
from medshift.benchmark.runs.verification.verify import (
    CannotRepeat,
    Outcome,
    clean_environment,
    verify,
    write_record,
)
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import submission, verification_record
from medshift.benchmark.submissions.submit import submit
from medshift.shifts.errors import MedshiftError


def test_an_entry_comes_out_again_and_is_marked(made, tmp_path):
    home, images, place = made
    shutil.copytree(place.parent.parent, tmp_path / place.parent.parent.name)
    copy = tmp_path / place.relative_to(place.parent.parent.parent)
    done = medshift(home, "verify", copy, "--data", images, "--mark", "--by", "a tester")
    assert done.returncode == 0, done.stderr
    assert "reproduced: the predictions have the same bytes" in done.stdout
    terms, table = planning.read_protocol(copy.parent.parent)
    assert submission.check_submission(copy, terms, table) == []
    found = verification_record.parse(copy / verification_record.VERIFIED_FILE)
    assert (found.result, found.by, found.largest_difference) == ("bytes", "a tester", 0)


def test_what_does_not_come_out_again_is_said(made, turned):
    home, images, _ = made
    copy, again = turned
    done = medshift(home, "verify", copy, "--data", images, "--mark")
    assert done.returncode == 1
    assert again.words[:2] == ["-I", "-m"]
    assert "not reproduced" in done.stdout
    assert "1 of 5 conditions differ by more than 0.001, most on 'site-b'" in done.stdout
    assert "numpy: 1.0 then, " in done.stdout
    assert "is not marked as verified" in done.stderr
    assert not (copy / verification_record.VERIFIED_FILE).exists()


def test_an_entry_made_on_another_version_of_the_simulated_data_is_refused_before_anything_is_made(tmp_path, home):
    theirs = Path(__file__).parents[4] / "leaderboard" / "submissions" / "brain-mri-sim" / "scratch" / "seed-0"
    terms, table = planning.read_protocol(theirs.parent.parent)
    terms = terms.model_copy(update={"dataset": terms.dataset.model_copy(update={"version": "1"})})
    entry = tmp_path / terms.name / "scratch" / "seed-0"
    planning.write_protocol(terms, table, tmp_path / terms.name)
    shutil.copytree(theirs, entry)
    fields = json.loads((entry / cards.CARD_FILE).read_text())
    fields["protocol"]["sha256"], fields["dataset"]["version"] = terms.sha256, "1"
    (entry / cards.CARD_FILE).write_text(json.dumps(fields))
    with pytest.raises(MedshiftError, match="brain-mri-sim is version 2 here and version 1 in the protocol"):
        verify(entry, tmp_path)
    with pytest.raises(MedshiftError, match="use the medshift that made them"):
        data.data_of(terms, None)
    assert not (home / "datasets").exists()


def test_the_data_of_a_committed_board_that_are_not_here_are_named_with_the_command_that_gets_them(tmp_path, home):
    entry = Path(__file__).parents[4] / "leaderboard" / "submissions" / "blood-cells-64px" / "adabn" / "seed-0"
    terms, _ = planning.read_protocol(entry.parent.parent)
    says = "is not stored yet: medshift data get blood-cells --image-size 64, or give its folder with --data DIR"
    with pytest.raises(CannotRepeat, match=says):
        verify(entry, tmp_path)
    with pytest.raises(MedshiftError, match=says):
        data.data_of(terms, None)


def test_an_entry_made_on_a_device_that_is_not_here_is_left_out(tmp_path, monkeypatch):
    entry = Path(__file__).parents[4] / "leaderboard" / "submissions" / "brain-mri-sim" / "scratch" / "seed-0"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(CannotRepeat, match="was to run on cuda:0, which is not here: give --device cpu"):
        verify(entry, tmp_path, device="cuda:0")


def test_data_that_are_not_those_of_the_protocol_are_refused(made, tmp_path):
    _, _, place = made
    terms, table = planning.read_protocol(place.parent.parent)
    with pytest.raises(MedshiftError, match=r"give its folder with --data DIR"):
        data.data_of(terms, None)
    other = folder(tmp_path / "other", {"site-a": 10})
    with pytest.raises(MedshiftError, match=r"version|the data lack"):
        data.with_rows(table, data.data_of(terms, other))
    claim = cards.read(place).baseline
    with pytest.raises(MedshiftError, match="has the hyper-parameters"):
        rerun.baseline_of(claim.model_copy(update={"config": {"lr": 1.0}}))
    with pytest.raises(MedshiftError, match="the card says test-batches"):
        rerun.baseline_of(claim.model_copy(update={"sees": "test-batches"}))


def test_a_repetition_computes_as_the_run_did_and_is_given_nothing_else():
    kept = {"PATH": "/bin", "OMP_NUM_THREADS": "1", "MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Haswell"}
    others = {"PYTHONPATH": "/elsewhere", "LD_PRELOAD": "x.so", "HF_TOKEN": "secret", "MEDSHIFT_HOME": "/mine"}
    assert clean_environment({**others, **kept}) == kept


def test_a_mark_is_void_beside_other_predictions(fabricate, tmp_path):
    place, terms, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    where = fabricate.submission(place, terms, rows)
    write_record(where, Outcome("tolerance", 1e-5, []), "me")
    assert submission.check_submission(where, terms, rows) == []
    with pytest.raises(MedshiftError, match="was not reproduced"):
        write_record(where, Outcome("differs", 0.5, []), "me")
    fields = json.loads((where / verification_record.VERIFIED_FILE).read_text())
    for change, says in (
        ({"predictions_sha256": "0" * 64}, "belongs to other predictions"),
        ({"card_sha256": "0" * 64}, "belongs to another card"),
        ({"result": "trust me"}, "result: Input should be 'bytes', 'tolerance' or 'remade'"),
        ({"result": "remade"}, "which only a register says"),
        ({"largest_difference": 2.0}, "largest_difference"),
        ({"more": 1}, "more: Extra inputs"),
    ):
        (where / verification_record.VERIFIED_FILE).write_text(json.dumps({**fields, **change}))
        (problem,) = submission.check_submission(where, terms, rows)
        assert says in problem
    (where / verification_record.VERIFIED_FILE).write_bytes(b"x" * 100_000)
    assert "the limit for a verification record" in submission.check_submission(where, terms, rows)[0]


def test_a_mark_is_void_beside_another_card(fabricate, tmp_path):
    place, terms, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    where = fabricate.submission(place, terms, rows)
    write_record(where, Outcome("bytes", 0, []), "me")
    kept = (where / cards.CARD_FILE).read_bytes()
    fields = json.loads(kept)
    fields["environment"]["device"] = "cuda"
    (where / cards.CARD_FILE).write_text(json.dumps(fields))
    (problem,) = submission.check_submission(where, terms, rows)
    assert "belongs to another card" in problem
    changed = (where / cards.CARD_FILE).read_bytes()
    (where / cards.CARD_FILE).write_bytes(kept.replace(b"\n", b"\r\n"))
    (problem,) = submission.check_submission(where, terms, rows)
    assert "belongs to this card, but its line ends are CRLF" in problem
    (where / cards.CARD_FILE).write_bytes(changed)
    older = verification_record.parse(where / verification_record.VERIFIED_FILE).model_copy(
        update={"card_sha256": None}
    )
    verification_record.write(older, where)
    assert "card_sha256" not in (where / verification_record.VERIFIED_FILE).read_text()
    assert submission.check_submission(where, terms, rows) == []


def test_a_submission_is_prepared_for_a_pull_request(fabricate, tmp_path):
    place, terms, rows = fabricate.contest(tmp_path / "runs", fabricate.table(groups=4))
    where = fabricate.submission(place, terms, rows, "m+lr=0.1")
    with pytest.raises(MedshiftError, match="is not a checkout"):
        submit(where, tmp_path)
    checkout = tmp_path / "checkout"
    (checkout / "leaderboard").mkdir(parents=True)
    put, steps = submit(where, checkout)
    assert put == checkout / "leaderboard/submissions/made-up/m+lr=0.1/seed-0"
    assert submission.check_submission(put, terms, rows) == []
    assert "new leaderboard" in steps[0]
    with pytest.raises(MedshiftError, match="already exists"):
        submit(where, checkout)
    there = put.parent.rename(put.parents[1] / "M+lr=0.1")
    with pytest.raises(MedshiftError, match=r"differs from that of 'M\+lr=0.1' in case only"):
        submit(where, checkout)
    there.rename(put.parent)
    second = fabricate.submission(place, terms, rows, "m+lr=0.1", 1)
    done = medshift(tmp_path, "submit", second, "--checkout", checkout)
    assert done.returncode == 0, done.stderr
    assert "git add 'leaderboard/submissions/made-up/m+lr=0.1/seed-1'" in done.stdout
    assert "# where you may not push: fork the repository, and push to the fork's address" in done.stdout
    fabricate.submission(place, terms, rows, "m", 10)
    fabricate.submission(place, terms, rows, "m", 9)
    put, steps = submit(place / "m", checkout)
    assert put == checkout / "leaderboard/submissions/made-up/m"
    assert sorted(path.name for path in put.iterdir()) == ["seed-10", "seed-9"]
    at = "'leaderboard/submissions/made-up/m/seed-"
    assert steps[:2] == ["git switch -c made-up-m", f"git add {at}9' {at}10'"]
    shutil.rmtree(put / "seed-9")
    with pytest.raises(MedshiftError, match="seed-10 already exists"):  # and of the other one, nothing is left
        submit(place / "m", checkout)
    assert not (put / "seed-9").exists()
    with pytest.raises(MedshiftError, match=r"neither a submission .* nor an entry that holds some"):
        submit(place, checkout)
    third = fabricate.submission(place, terms, rows, "m+lr=0.1", 2)
    arrays = np.frombuffer((third / "predictions.parquet").read_bytes(), np.uint8).copy()
    arrays[100] ^= 255
    (third / "predictions.parquet").write_bytes(arrays.tobytes())
    with pytest.raises(MedshiftError, match="is not a valid submission:"):
        submit(third, checkout)


def test_a_mark_is_shown_on_the_board(fabricate, tmp_path, monkeypatch):
    from medshift.leaderboard.build import build_leaderboard

    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, terms, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    write_record(fabricate.submission(place, terms, rows, "checked"), Outcome("bytes", 0, []), "<b>me</b>")
    fabricate.submission(place, terms, rows, "unchecked")
    build_leaderboard(tmp_path / "in", tmp_path / "out")
    text = built_page(tmp_path / "out")
    assert text.count('class="verified"') == 1
    assert "run again by &lt;b&gt;me&lt;/b&gt;: same bytes" in text
    table = json.loads((tmp_path / "out" / "scores.json").read_text())["protocols"][0]
    assert {entry["entry"]: entry["verified"] for entry in table["entries"]} == {
        "checked": ["bytes"],
        "unchecked": [None],
    }
