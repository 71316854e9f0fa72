"""A submission that can be run again, and one that does not come out again."""

from __future__ import annotations

import json
import shutil

import pytest
from helpers.apart.verifying import QUICK, Again, medshift
from helpers.images.image_folders import folder

from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.protocols import folder as planning
from medshift.benchmark.protocols import truth
from medshift.benchmark.scoring import scores
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import predictions, submission
from medshift.benchmark.submissions.card import claims


@pytest.fixture(scope="package")
def made(tmp_path_factory):
    """Returns (home, images, submission)."""
    home, out = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("out")
    images = folder(tmp_path_factory.mktemp("data") / "set")
    done = medshift(home, "run", "--baseline", "scratch", "--data", images, "--out", out, *QUICK)
    assert done.returncode == 0, done.stderr
    (place,) = out.glob("*/scratch*/seed-0")
    return home, images, place


@pytest.fixture
def turned(made, tmp_path, monkeypatch):
    """Returns a copy whose answers at one site are not those that running it again, which is feigned, gives."""
    _, _, place = made
    shutil.copytree(place.parent.parent, tmp_path / place.parent.parent.name)
    copy = tmp_path / place.relative_to(place.parent.parent.parent)
    terms, table = planning.read_protocol(copy.parent.parent)
    arrays = predictions.read(copy / "predictions.parquet", terms, table)
    arrays["site-b"] = arrays["site-b"][:, ::-1].copy()  # better or worse than the model is
    ids = {c.key: truth.truth_of(table, c)["sample_id"].tolist() for c in terms.conditions()}
    predictions.write({key: (ids[key], array) for key, array in arrays.items()}, copy / "predictions.parquet")
    fields = json.loads((copy / cards.CARD_FILE).read_text())
    fields["predictions"]["sha256"] = sha256(copy / "predictions.parquet")
    fields["environment"]["packages"]["numpy"] = "1.0"
    fields["scores"] = [claim.model_dump() for claim in claims(scores.score(terms, table, arrays, 0))]
    (copy / cards.CARD_FILE).write_text(json.dumps({**fields, "submitter": "Imaging, St. Elsewhere"}))
    assert submission.check_submission(copy, terms, table) == []  # nothing but running it again can tell
    again = Again(place.parent.parent)
    monkeypatch.setattr("medshift.benchmark.runs.verification.verify.subprocess", again)
    return copy, again
