"""`curve.json`: what is written is read again, and a file that is not the card's, or not a curve, is refused."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from helpers.files.hostile_files import SCRIPT, fields_of

from medshift.benchmark.contract.training_record import COLUMNS, TrainingRecord
from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.submissions import curve, submission
from medshift.benchmark.submissions.card import CARD_FILE, CURVE_FILE, MOST_EVALUATIONS
from medshift.benchmark.submissions.submit import PLACE, submit
from medshift.leaderboard.entries.entries import Entry, ProtocolFolder, check_seeds
from medshift.leaderboard.review.changes import of_diff
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def honest(fabricate, tmp_path_factory):
    """A submission with a curve; returns (its folder, its curve, protocol, truth)."""
    place, protocol, rows = fabricate.contest(tmp_path_factory.mktemp("curves"), fabricate.table(groups=4), shifts={})
    training = fabricate.trained(300)
    course = fabricate.course(training)
    return fabricate.submission(place, protocol, rows, training=training, curve=course), course, protocol, rows


@pytest.fixture
def harmed(honest, tmp_path):
    folder, _, protocol, rows = honest
    shutil.copytree(folder.parent.parent, tmp_path / "made-up")
    return tmp_path / "made-up" / "steady" / "seed-0", protocol, rows


def test_what_is_written_is_read_again_and_the_losses_are_in_one_place(honest):
    folder, course, protocol, rows = honest
    assert submission.check_submission(folder, protocol, rows) == []
    assert curve.read_curve(folder) == course
    fields = fields_of(folder)
    assert fields["training"] == {"steps": 300, "run": 300, "kept": 200}
    assert fields["curve"] == {"file": CURVE_FILE, "sha256": sha256(folder / CURVE_FILE), "rows": 3}
    assert TrainingRecord.of_curve(300, course).kept == 200
    lines = (folder / CURVE_FILE).read_text().splitlines()
    assert len(lines) == len(COLUMNS) + 4  # brackets, schema, metric, and a line per column
    assert list(pd.DataFrame(course.columns)) == list(COLUMNS)
    assert pd.DataFrame(course.columns)["validation_figure"].tolist() == [0.5, 0.9, 0.8]


def test_a_figure_that_one_class_leaves_undefined_is_kept_as_such(fabricate, tmp_path):
    course = fabricate.course(fabricate.trained(3), (None, None, None))
    curve.write(course, tmp_path)
    assert curve.parse(tmp_path / CURVE_FILE) == course


def test_a_card_with_losses_and_without_a_curve_stays_valid(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path, fabricate.table(groups=4), shifts={})
    folder = fabricate.submission(place, protocol, rows, training=fabricate.trained(300))
    assert submission.check_submission(folder, protocol, rows) == []
    assert "curve" not in fields_of(folder)
    assert curve.read_curve(folder) is None


def test_a_curve_is_copied_with_its_submission_and_the_card_last(honest, tmp_path):
    folder, course, *_ = honest
    assert submission.files_to_copy(folder) == ["predictions.parquet", CURVE_FILE, CARD_FILE]
    (tmp_path / "leaderboard").mkdir()
    place, _ = submit(folder, tmp_path)
    assert curve.read_curve(place) == course


def test_a_pull_request_may_add_a_curve_with_its_submission(tmp_path):
    place = PLACE / "made-up" / "steady" / "seed-0"
    raw = "".join(f":000000 100644 0000000 abcdef0 A\0{place / name}\0" for name in (CARD_FILE, CURVE_FILE))
    found = of_diff(raw.encode(), tmp_path)
    assert (found.seeds, found.refused) == ({tmp_path / place: {CARD_FILE: "A", CURVE_FILE: "A"}}, {})


def columns(agrees=True, **changes):
    """Return a harm that changes columns of the curve, and makes the card agree as an attacker would."""

    def harm(folder):
        fields = json.loads((folder / CURVE_FILE).read_text()) | changes
        put(json.dumps({name: value for name, value in fields.items() if value is not None}), agrees)(folder)

    return harm


def put(text, agrees=True):
    def harm(folder):
        (folder / CURVE_FILE).write_text(text)
        if agrees:
            card(lambda fields: fields["curve"].update(sha256=sha256(folder / CURVE_FILE)))(folder)

    return harm


def card(change):
    def harm(folder):
        fields = fields_of(folder)
        change(fields)
        (folder / CARD_FILE).write_text(json.dumps(fields))

    return harm


def linked(folder):
    (folder / CURVE_FILE).rename(folder.parent / CURVE_FILE)
    (folder / CURVE_FILE).symlink_to(folder.parent / CURVE_FILE)


MANY = [0.5] * (MOST_EVALUATIONS + 1)
LOSSES = [[100, 0.7], [200, 0.4], [300, 0.5]]
KINDS = {
    "missing": (lambda f: (f / CURVE_FILE).unlink(), "curve.json is missing, but card.json names it"),
    "not named": (card(lambda c: c.pop("curve")), "curve.json is not named in card.json: remove it"),
    "cut": (
        lambda f: (f / CURVE_FILE).write_text((f / CURVE_FILE).read_text()[:99]),
        "curve.json does not match the card: its sha256 differs",
    ),
    "changed": (columns(agrees=False, epoch=[1, 2, 3]), "curve.json does not match the card: its sha256 differs"),
    "line ends that git changed": (
        lambda f: (f / CURVE_FILE).write_bytes((f / CURVE_FILE).read_bytes().replace(b"\n", b"\r\n")),
        "curve.json does not match the card: its line ends are CRLF, to which git's core.autocrlf changes them",
    ),
    "a link": (linked, "'curve.json' is a link or not a regular file"),
    "another file": (card(lambda c: c["curve"].update(file="../x")), "card.json: curve.file: Input should be"),
    "an absurd number of rows": (card(lambda c: c["curve"].update(rows=10**9)), "card.json: curve.rows: Input should"),
    "other rows": (card(lambda c: c["curve"].update(rows=2)), "card.json: curve.rows is 2, but 3 by curve.json"),
    "no training": (card(lambda c: c.pop("training")), "card.json: names curve.json, but has no training"),
    "losses twice": (
        card(lambda c: c["training"].update(losses=LOSSES)),
        "card.json: training.losses repeat curve.json: leave them out",
    ),
    "another length": (
        card(lambda c: c["training"].update(run=299)), "card.json: training.run is 299, but 300 by curve.json"
    ),
    "kept at no evaluation": (
        card(lambda c: c["training"].update(kept=150)),
        "card.json: training.kept is 150, at which curve.json has no evaluation",
    ),
    "another schema": (columns(schema="medshift-curve/2"), "curve.json: schema: Input should be 'medshift-curve/1'"),
    "no JSON": (put(SCRIPT), "curve.json: is not JSON"),
    "a deep JSON": (put("[" * 100_000), "curve.json: is not JSON of this project"),
    "a column more": (columns(**{"a\nb": [1]}), "curve.json: the file: holds U+000A"),
    "a column less": (columns(seconds=None), "curve.json: seconds: Field required"),
    "no rows": (columns(**{name: [] for name in COLUMNS}), "curve.json: step: Tuple should have at least 1 item"),
    "too many rows": (columns(training_loss=MANY), "curve.json: training_loss: Tuple should have at most 10000 items"),
    "too large": (put(" " * (curve.LARGEST_CURVE + 1)), "curve.json: is larger than 2 MiB, the limit for a curve"),
    "unequal columns": (columns(epoch=[1, 2]), "curve.json: column 'epoch' has 2 values, but 'step' has 3"),
    "steps that stand": (columns(step=[100, 100, 300]), "curve.json: column 'step' does not increase"),
    "time that runs back": (columns(seconds=[2, 1, 3]), "curve.json: column 'seconds' decreases"),
    "a step that is text": (columns(step=["1", 2, 3]), "curve.json: step.0: Input should be a valid integer"),
    "an enormous step": (columns(step=[1, 2, 10**400]), "curve.json: step.2: "),
    "a loss that is not finite": (
        columns(validation_loss=[1, float("inf"), 2]), "curve.json: validation_loss.1: Input should be a finite number"
    ),
    "a negative rate": (columns(learning_rate=[1, -1, 1]), "curve.json: learning_rate.1: Input should be greater"),
    "more than a perfect figure": (
        columns(validation_figure=[0, 1, 1.5]),
        "curve.json: column 'validation_figure' leaves 0 to 1, the range of balanced_accuracy",
    ),
    "a figure at times": (
        columns(validation_figure=[0, 1, None]), "curve.json: column 'validation_figure' is undefined in part"
    ),
    "an unknown metric": (columns(metric="acuracy"), "curve.json: unknown metric 'acuracy'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_harm_is_one_clear_line_of_the_check_and_of_the_board(harmed, kind):
    folder, protocol, rows = harmed
    harm, reason = KINDS[kind]
    harm(folder)
    found = submission.check_submission(folder, protocol, rows)
    assert len(found) == 1
    assert found[0].startswith(reason)
    assert "\n" not in found[0]
    board = ProtocolFolder(folder.parent.parent, protocol, rows)
    seeds, refused = check_seeds(board, Entry("steady", (folder,)))
    assert (seeds, refused) == ([], [f"{folder}: {found[0]}"])


@pytest.mark.parametrize("kind", ["missing", "changed", "another schema", "not named"])
def test_python_reads_no_curve_that_is_not_the_cards(harmed, kind):
    folder, *_ = harmed
    harm, reason = KINDS[kind]
    harm(folder)
    with pytest.raises(MedshiftError) as error:
        curve.read_curve(folder)
    assert str(error.value).startswith(f"{folder}: {reason}")
