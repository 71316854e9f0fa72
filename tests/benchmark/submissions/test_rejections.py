"""Images that a model refuses: how they are stored, read without trust, counted, and scored with and without them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.boards import built_page
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.exchange.column_order import order_warning
from medshift.benchmark.protocols.truth import truth_of
from medshift.benchmark.scoring import scores
from medshift.benchmark.scoring.refused import OTHERS, OWN
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import predictions, submission
from medshift.benchmark.submissions.rejections import answered_scores
from medshift.shifts.errors import MedshiftError

CLEAN = "site-a"


def refuse(arrays, key, which):
    """Return arrays in which a model refused some images of a condition."""
    changed = {name: values.copy() for name, values in arrays.items()}
    changed[key][which] = np.nan
    return changed


@pytest.fixture(params=[2, 3], ids=["two-classes", "three"])
def made(fabricate, tmp_path, request):
    """A protocol, its truth, sound probabilities, and the folder of the protocol."""
    rows = fabricate.table(groups=6, classes=request.param)
    place, terms, rows = fabricate.contest(tmp_path / "contest", rows, classes=request.param)
    return place, terms, rows, fabricate.outputs(terms, rows)


def write(fabricate, made, arrays, path):
    _, terms, rows, _ = made
    predictions.write(fabricate.parts(terms, rows, arrays), path, rejections=True)
    return path


def test_without_refusals_the_file_is_the_same_to_the_byte(fabricate, made, tmp_path):
    _, terms, rows, arrays = made
    predictions.write(fabricate.parts(terms, rows, arrays), tmp_path / "a")
    write(fabricate, made, arrays, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert predictions.read_all(tmp_path / "b", terms, rows).rejected == {}


def test_a_refused_image_is_stored_without_an_answer_and_read_as_a_wrong_one(fabricate, made, tmp_path):
    _, terms, rows, arrays = made
    classes = len(terms.dataset.classes)
    path = write(fabricate, made, refuse(arrays, CLEAN, [0, 3]), tmp_path / "p")
    table = pq.read_table(path)
    assert table.column_names[-1] == "rejected"
    assert sum(table["rejected"].to_pylist()) == 2
    stored = table.to_pandas()
    assert np.allclose(stored.loc[stored["rejected"], [f"p{k}" for k in range(classes)]], 1 / classes)
    seen = predictions.read_all(path, terms, rows)
    (clean,) = (condition for condition in terms.conditions() if condition.key == CLEAN)
    truth = truth_of(rows, clean)["label"].to_numpy()
    assert set(seen.rejected) == {CLEAN}
    assert np.flatnonzero(seen.rejected[CLEAN]).tolist() == [0, 3]
    for row in (0, 3):
        answer = seen.arrays[CLEAN][row]
        assert answer[truth[row]] == OWN
        assert (np.delete(answer, truth[row]) == OTHERS).all()
    kept = np.setdiff1d(np.arange(len(truth)), [0, 3])
    assert np.array_equal(seen.arrays[CLEAN][kept], arrays[CLEAN][kept])


def test_strict_scores_count_refusals_as_wrong_and_the_others_leave_them_out(fabricate, made, tmp_path):
    _, terms, rows, _ = made
    perfect = {}
    for condition in terms.conditions():
        labels = truth_of(rows, condition)["label"].to_numpy()
        perfect[condition.key] = np.eye(len(terms.dataset.classes), dtype=np.float32)[labels]
    (clean,) = (condition for condition in terms.conditions() if condition.key == CLEAN)
    labels = truth_of(rows, clean)["label"].to_numpy()
    refused = np.flatnonzero(labels == 1)[:4]
    folder = tmp_path / "seed-0"
    folder.mkdir()
    write(fabricate, made, refuse(perfect, CLEAN, refused), folder / "predictions.parquet")
    seen = predictions.read_all(folder / "predictions.parquet", terms, rows)
    strict = scores.score(terms, rows, seen.arrays)
    answered = answered_scores(folder, terms, rows, strict)
    recall = 1 - 4 / (labels == 1).sum()
    classes = len(terms.dataset.classes)
    assert strict.aggregates["clean"]["balanced_accuracy"].value == pytest.approx((classes - 1 + recall) / classes)
    assert answered.scores.aggregates["clean"]["balanced_accuracy"].value == 1
    assert answered.scores.aggregates["real"]["balanced_accuracy"].value == 1
    assert answered.coverage["clean"] == pytest.approx(1 - 4 / len(labels))
    assert answered.coverage["real"] == answered.coverage["synthesized"] == 1
    assert answered.coverage["drop"] == pytest.approx(-4 / len(labels))
    assert (answered.refused, answered.images) == (4, sum(map(len, seen.arrays.values())))


def test_a_condition_of_which_all_is_refused_is_undefined_without_them(fabricate, made, tmp_path):
    _, terms, rows, arrays = made
    folder = tmp_path / "seed-0"
    folder.mkdir()
    write(fabricate, made, refuse(arrays, "site-b", slice(None)), folder / "predictions.parquet")
    strict = scores.score(terms, rows, predictions.read(folder / "predictions.parquet", terms, rows))
    answered = answered_scores(folder, terms, rows, strict)
    assert strict.conditions["site-b"]["balanced_accuracy"].value == 0
    assert np.isnan(answered.scores.conditions["site-b"]["balanced_accuracy"].value)
    assert answered.coverage["site-b"] == 0
    other = answered.scores.conditions["site-c"]["auroc"].value
    assert answered.scores.aggregates["real"]["auroc"].value == pytest.approx(other)


def _column(name, change):
    def edit(table):
        values = change(table)
        return table.set_column(table.column_names.index(name), name, values)

    return edit


def _answers(table):
    return pa.array([0.9, *table["p0"].to_pylist()[1:]], pa.float32())


HOSTILE = {
    "marked and answered": (
        lambda t: _column("p0", _answers)(
            _column("p1", lambda t: pa.array([0.1, *t["p1"].to_pylist()[1:]], pa.float32()))(t)
        ),
        "are marked as refused and differ from 1 / K",
    ),
    "a column that marks nothing": (
        _column("rejected", lambda t: pa.array([False] * len(t))),
        "column rejected marks no row: leave it out",
    ),
    "numbers": (_column("rejected", lambda t: pa.array([1] * len(t), pa.int8())), "column rejected is int8, not bool"),
    "empty cells": (
        _column("rejected", lambda t: pa.array([None] * len(t), pa.bool_())),
        "column rejected has empty cells",
    ),
    "another place": (
        lambda t: t.select(["condition", "sample_id", "rejected", "p0", "p1"]),
        "has columns condition, sample_id, rejected",
    ),
    "another name": (lambda t: t.rename_columns([*t.column_names[:-1], "refused"]), "has columns"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_column_of_refusals_that_is_not_as_it_must_be_is_refused(fabricate, tmp_path, case):
    rows = fabricate.table(groups=3)
    terms = fabricate.terms(rows)
    change, says = HOSTILE[case]
    parts = fabricate.parts(terms, rows, refuse(fabricate.outputs(terms, rows), CLEAN, [0]))
    predictions.write(parts, tmp_path / "p", rejections=True)
    table = pq.read_table(tmp_path / "p").sort_by([("rejected", "descending")])
    pq.write_table(change(table), tmp_path / "p")
    found = predictions.problems(tmp_path / "p", terms, rows)
    assert any(says in problem for problem in found), found


@pytest.fixture
def table(fabricate, tmp_path):
    """A table as a vendor writes it, with two empty rows, its protocol, truth and the folder of the protocol."""
    rows = fabricate.table(groups=4)
    place, terms, rows = fabricate.contest(tmp_path / "contest", rows)
    made = [
        pd.DataFrame({"condition": key, "sample_id": ids, "p0": values[:, 0], "p1": values[:, 1]})
        for key, (ids, values) in fabricate.parts(terms, rows, fabricate.outputs(terms, rows)).items()
    ]
    found = pd.concat(made, ignore_index=True)
    found.loc[[2, 5], ["p0", "p1"]] = np.nan
    return found, place, terms, rows


def score(path, place, out, *more):
    words = [
        "score",
        str(path),
        "--protocol",
        str(place),
        "--name",
        "box",
        "--sees",
        "source",
        "--out",
        str(out),
        *more,
    ]
    return CliRunner().invoke(app, words)


def test_score_takes_empty_cells_or_marks_as_refusals_if_told_so(table, tmp_path):
    found, place, terms, rows = table
    found.to_csv(tmp_path / "p.csv", index=False)
    done = score(tmp_path / "p.csv", place, tmp_path / "out")
    assert "probabilities of 2 rows are not finite" in str(done.exception)
    assert "if a model refuses images, give --rejections" in str(done.exception)
    done = score(tmp_path / "p.csv", place, tmp_path / "out", "--rejections")
    assert done.exit_code == 0, done.exception
    for words in ("coverage", "refused images as wrong answers", "refused images left out", "Refused: 2 of "):
        assert words in done.stdout
    assert "site-b no estimate (the model refused images of site-a, of which there is no prediction" in done.stdout
    folder = tmp_path / "out" / terms.name / "box" / "seed-0"
    assert submission.check_submission(folder, terms, rows) == []
    key = found["condition"][2]
    assert cards.read(folder).rejections == {key: 2}
    marked = found.fillna(0.5).assign(Rejected=["yes" if row in (2, 5) else "no" for row in range(len(found))])
    marked.to_csv(tmp_path / "marked.csv", index=False)
    assert "give --rejections" in str(score(tmp_path / "marked.csv", place, tmp_path / "marked").exception)
    done = score(tmp_path / "marked.csv", place, tmp_path / "marked", "--rejections")
    assert done.exit_code == 0, done.exception
    other = tmp_path / "marked" / terms.name / "box" / "seed-0" / "predictions.parquet"
    assert other.read_bytes() == (folder / "predictions.parquet").read_bytes()
    found.assign(rejected="no").to_csv(tmp_path / "unmarked.csv", index=False)
    done = score(tmp_path / "unmarked.csv", place, tmp_path / "unmarked", "--rejections")
    assert "2 rows without probabilities, not marked as rejected" in str(done.exception)


def test_refused_images_do_not_make_columns_look_swapped(fabricate, made):
    _, terms, rows, arrays = made
    (validation,) = (condition for condition in terms.conditions() if condition.kind == "validation")
    key, labels = validation.key, truth_of(rows, validation)["label"].to_numpy()
    refused = np.arange(len(labels)) % 4 != 0
    values = arrays[key].copy()
    values[refused] = 1 / (values.shape[1] - 1)
    values[refused, labels[refused]] = 0
    seen = predictions.Inspected([], {**arrays, key: values}, {key: refused})
    assert order_warning(terms, rows, seen) == []
    assert len(order_warning(terms, rows, predictions.Inspected([], seen.arrays))) == 1


def test_a_card_that_claims_other_refusals_is_refused(table, tmp_path):
    found, place, terms, rows = table
    found.to_csv(tmp_path / "p.csv", index=False)
    assert score(tmp_path / "p.csv", place, tmp_path / "out", "--rejections").exit_code == 0
    folder = tmp_path / "out" / terms.name / "box" / "seed-0"
    claims = json.loads((folder / "card.json").read_text())
    key = found["condition"][2]
    for claim, says in (({key: 1}, f"rejections of {key!r} are 1, the predictions have 2"), (None, "are 0")):
        changed = {**claims, "rejections": claim}
        if claim is None:
            del changed["rejections"]
        (folder / "card.json").write_text(json.dumps(changed))
        with pytest.raises(MedshiftError, match=says):
            submission.read_submission(folder, terms, rows)


def test_the_board_says_what_was_brought_and_what_share_it_answers(table, tmp_path):
    found, place, terms, _ = table
    found.to_csv(tmp_path / "p.csv", index=False)
    assert score(tmp_path / "p.csv", place, tmp_path / "out", "--rejections").exit_code == 0
    folder = tmp_path / "out" / terms.name / "box" / "seed-0"
    made = cards.read(folder)
    brought = made.model_copy(update={"baseline": made.baseline.model_copy(update={"distribution": cards.BROUGHT})})
    cards.write(brought, folder)
    done = CliRunner().invoke(app, ["leaderboard", str(tmp_path / "out"), "--out", str(tmp_path / "site")])
    assert done.exit_code == 0, done.exception
    estimates = pd.read_csv(tmp_path / "site" / "estimators.csv")
    assert estimates["truth"].notna().all()
    assert estimates[["estimate", "low", "high"]].isna().all(axis=None)
    page = built_page(tmp_path / "site")
    share = f"{1 - 2 / len(found):.3f}".lstrip("0")
    assert f'<span class="external">brought</span> <span class="external">coverage {share}</span>' in page
    assert "with which medshift predicted every condition" in page
    assert f"2 of {len(found):,} images over all conditions, counted as wrong answers" in page
    assert f"`box` (brought, coverage {share})" in (tmp_path / "site" / "leaderboard.md").read_text()
    assert "it was fitted before it was brought" in page
