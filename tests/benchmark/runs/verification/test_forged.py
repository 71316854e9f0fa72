"""What a rerun tells of a submission that was made better than its model, in predictions or in records."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.protocols.truth import truth_of
from medshift.benchmark.runs.verification import verify as verifying
from medshift.benchmark.runs.verification.figures import figure_differences
from medshift.benchmark.runs.verification.records import record_differences
from medshift.benchmark.scoring import scores
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import predictions, submission
from medshift.benchmark.submissions.card import claims

BOARD = Path(__file__).parents[4] / "leaderboard" / "submissions" / "fundus-vessels"
WEIGHTS = {"origin": "x", "sha256": "0" * 64, "pretraining": "y"}
TUNING = {"draws": 1, "searched": {}, "chosen": 0, "trials": [{"settings": {}, "score": 0.1}]}


class Again:
    """Stands for the clean process, which makes the honest submission again: it copies that."""

    def __init__(self, entries):
        self.entries = entries

    def run(self, words, **more):
        shutil.copytree(self.entries, Path(words[5]) / self.entries.name)
        return subprocess.CompletedProcess(words, 0)


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Copy a committed entry twice: its author's, and what running it again gives."""
    made = []
    for who in ("theirs", "ours"):
        place = tmp_path / who / BOARD.name
        shutil.copytree(BOARD / "scratch" / "seed-0", place / "scratch" / "seed-0")
        for name in ("protocol.json", "truth.parquet"):
            shutil.copy(BOARD / name, place / name)
        made.append(place / "scratch" / "seed-0")
    monkeypatch.setattr(verifying, "subprocess", Again(made[1].parents[1]))
    return made


def put(folder, change=None, arrays=None):
    """Change the card of a submission, and its predictions, so that nothing but running it again can tell."""
    terms, table = read_protocol(folder.parents[1])
    fields = json.loads((folder / cards.CARD_FILE).read_text())
    if arrays is not None:
        ids = {c.key: truth_of(table, c)["sample_id"].tolist() for c in terms.conditions()}
        predictions.write({key: (ids[key], array) for key, array in arrays.items()}, folder / "predictions.parquet")
        fields["predictions"]["sha256"] = sha256(folder / "predictions.parquet")
        fields["scores"] = [claim.model_dump() for claim in claims(scores.score(terms, table, arrays, 0))]
    if change:
        change(fields)
    if "curve" in fields:
        fields["curve"]["sha256"] = sha256(folder / cards.CURVE_FILE)
    (folder / cards.CARD_FILE).write_text(json.dumps(fields))
    assert submission.check_submission(folder, terms, table) == []


def verified(theirs, tmp_path):
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return verifying.verify(theirs, out, tmp_path)


def nudged(arrays, terms, table, size):
    """Raise the probability of every true class of two."""
    made = {}
    for condition in terms.conditions():
        right = np.eye(2)[truth_of(table, condition)["label"].to_numpy()]
        made[condition.key] = (arrays[condition.key] + size * (2 * right - 1)).astype(np.float32)
    return made


def unsure(terms, table, spread=2e-4):
    """Make predictions of a model that is sure of nothing."""
    rng = np.random.default_rng(0)
    ones = {c.key: 0.5 + spread * rng.normal(size=len(truth_of(table, c))) for c in terms.conditions()}
    return {key: np.stack([1 - one, one], 1).astype(np.float32) for key, one in ones.items()}


def noisy(arrays, size, seed=1):
    """Add what rounding differently may: the same size everywhere, in either direction."""
    rng = np.random.default_rng(seed)
    more = {key: size * rng.normal(size=len(array)) for key, array in arrays.items()}
    return {key: (array + np.stack([-more[key], more[key]], 1)).astype(np.float32) for key, array in arrays.items()}


def surer(arrays, factor=1.0001):
    """Make a model surer of what it says, and lean to one class."""
    logits = {key: np.log(array[:, 1].clip(1e-38) / array[:, 0].clip(1e-38)) for key, array in arrays.items()}
    made = {key: 1 / (1 + np.exp(-factor * logit - 1e-4)) for key, logit in logits.items()}
    return {key: np.stack([1 - one, one], 1).astype(np.float32) for key, one in made.items()}


def test_predictions_nudged_to_the_labels_within_the_tolerance_are_not_reproduced(pair, tmp_path):
    theirs, ours = pair
    terms, table = read_protocol(ours.parents[1])
    honest = unsure(terms, table)
    put(ours, arrays=honest)
    put(theirs, arrays=nudged(honest, terms, table, 9.9e-4))
    outcome = verified(theirs, tmp_path)
    assert outcome.result == "differs"
    assert outcome.largest < 1e-3
    assert "balanced_accuracy differs by more than rounding explains, most on" in outcome.differences[0]
    assert ": 1.0000 then, 0." in outcome.differences[0]
    assert "the differences of the probabilities lean to the labels" in outcome.differences
    assert outcome.text.endswith("; other things differ")
    put(theirs, arrays=noisy(honest, 1e-6))
    outcome = verified(theirs, tmp_path)
    assert (outcome.result, outcome.differences) == ("tolerance", [])


@pytest.mark.parametrize("name", ["scratch", "random-init", "linear-probe", "adabn"])
def test_rounding_passes_and_a_small_lift_does_not(name):
    terms, table = read_protocol(BOARD)
    ours = predictions.read(BOARD / name / "seed-0" / "predictions.parquet", terms, table)
    for theirs in (surer(ours), noisy(ours, 1e-4), ours):
        assert figure_differences(terms, table, theirs, ours) == []
    assert figure_differences(terms, table, nudged(ours, terms, table, 9.9e-4), ours)


def _curve(column, change):
    def write(folder):
        fields = json.loads((folder / cards.CURVE_FILE).read_text())
        fields[column] = change(fields[column])
        (folder / cards.CURVE_FILE).write_text(json.dumps(fields))

    return write


@pytest.mark.parametrize(
    ("named", "curve", "card"),
    [
        ("curve.validation_figure[0]: 0.99 then", _curve("validation_figure", lambda all: [0.99] * len(all)), None),
        ("curve.images[0]", _curve("images", lambda all: [1] * len(all)), None),
        ("training.steps", None, lambda fields: fields["training"].update(steps=fields["training"]["steps"] + 1)),
        ("weights: ", None, lambda fields: fields.update(weights=WEIGHTS)),
    ],
)
def test_a_record_that_is_not_that_of_the_rerun_is_named(pair, tmp_path, named, curve, card):
    theirs, _ = pair
    if curve:
        curve(theirs)
    put(theirs, card)
    outcome = verified(theirs, tmp_path)
    assert outcome.result == "differs"
    assert outcome.largest == 0
    assert any(line.startswith(named) for line in outcome.differences), outcome.differences


def test_a_rerun_of_another_distributions_code_is_told(pair, tmp_path):
    theirs, ours = pair
    put(ours, lambda fields: fields["baseline"].update(distribution="medshift 7.0"))
    assert verified(theirs, tmp_path).result == "bytes"  # another version may come out the same
    card = cards.read(theirs)
    foreign = card.model_copy(update={"baseline": card.baseline.model_copy(update={"distribution": "superlab 2.0"})})
    assert record_differences(theirs, foreign, ours, card, exact=True) == ["distribution: superlab then, medshift now"]


@pytest.mark.parametrize(
    ("change", "made"),
    [
        (lambda fields: fields.update(tuning=TUNING), r"scratch\+tune=1"),
        (lambda fields: fields["baseline"]["config"].update(batch_size=16), r"scratch\+batch_size=16"),
    ],
)
def test_a_name_that_leaves_out_a_setting_is_refused_before_the_run(pair, tmp_path, change, made):
    theirs, _ = pair
    put(theirs, change)
    with pytest.raises(verifying.CannotRepeat, match=f"the entry is named scratch, but its settings make it {made}"):
        verified(theirs, tmp_path)


def test_seconds_are_their_authors_word_and_older_cards_need_no_records(pair, tmp_path):
    theirs, ours = pair
    _curve("seconds", lambda all: [each / 2 for each in all])(theirs)
    put(theirs, lambda fields: fields["timings"].update(fit_s=1.0))
    assert verified(theirs, tmp_path).result == "bytes"
    kept = json.loads((ours / cards.CURVE_FILE).read_text())
    (theirs / cards.CURVE_FILE).unlink()

    def older(fields):
        del fields["curve"]
        fields["training"]["losses"] = list(zip(kept["step"], kept["validation_loss"], strict=True))

    put(theirs, older)
    assert verified(theirs, tmp_path).result == "bytes"
    put(theirs, lambda fields: fields["training"]["losses"].__setitem__(0, [kept["step"][0], 0.0]))
    assert verified(theirs, tmp_path).differences[0].startswith("curve.validation_loss[0]: 0.0 then")
    put(theirs, lambda fields: fields.pop("training"))
    assert verified(theirs, tmp_path).result == "bytes"


def test_close_losses_are_enough_where_predictions_are_close(pair, tmp_path):
    theirs, ours = pair
    terms, table = read_protocol(ours.parents[1])
    arrays = predictions.read(ours / "predictions.parquet", terms, table)
    _curve("validation_loss", lambda all: [each * 1.01 for each in all])(theirs)
    put(theirs, arrays=surer(arrays))
    assert verified(theirs, tmp_path).result == "tolerance"
    _curve("validation_loss", lambda all: [each / 2 for each in all])(theirs)
    put(theirs)
    assert verified(theirs, tmp_path).result == "differs"
