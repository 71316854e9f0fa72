"""Submissions changed at random: each is refused, or its scores are those of its predictions."""

from __future__ import annotations

import json
import random
import shutil

import pytest
from helpers.files.hostile_files import SCRIPT, agreeing, fields_of, honest_and_evil
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.benchmark.scoring import scores
from medshift.benchmark.submissions import predictions, submission
from medshift.benchmark.submissions.card import CARD_FILE, claims
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE


@pytest.fixture(scope="module")
def honest(fabricate, tmp_path_factory):
    return honest_and_evil(fabricate, tmp_path_factory.mktemp("hostile"))


@st.composite
def harms(draw):
    """A random edit of the card's JSON or of bytes of either file."""
    return draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(["json", "card", "parquet"]))


VALUES = (
    None,
    True,
    -1,
    10**30,
    1e308,
    "",
    "x" * 5000,
    SCRIPT,
    [],
    {},
    [[[]]],
    {"a": {"b": []}},
    "\x00",
    "\ud800",
    "NaN",
)


def edited(value, chance):
    """Replace, remove or add something in a JSON value."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        copy = dict(value)
        key = chance.choice(list(copy))
        what = chance.random()
        if what < 0.1:
            del copy[key]
        elif what < 0.2:
            copy[chance.choice(["__class__", "$ref", SCRIPT])] = chance.choice(VALUES)
        else:
            copy[key] = edited(copy[key], chance)
        return copy
    if isinstance(value, list) and value and chance.random() < 0.9:
        copy = list(value)
        copy[chance.randrange(len(copy))] = edited(copy[-1], chance)
        return copy
    return chance.choice(VALUES)


@settings(max_examples=150, deadline=None)
@given(harms())
def test_whatever_is_changed_is_refused_or_changes_no_score(honest, tmp_path_factory, harm):
    seed, which = harm
    place, protocol, rows = honest
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("fuzz") / protocol.name / "evil" / "seed-0"
    shutil.copytree(place / "evil" / "seed-0", folder)
    if which == "json":
        (folder / CARD_FILE).write_text(json.dumps(edited(fields_of(folder), chance)))
    else:
        path = folder / (CARD_FILE if which == "card" else PREDICTIONS_FILE)
        content = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(content))
            content[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
        path.write_bytes(bytes(content))
        if which == "parquet":
            agreeing(folder, protocol, rows)  # otherwise the hash alone would refuse it
    found, read, arrays = submission.examine(folder, protocol, rows)
    assert all(isinstance(problem, str) and len(problem) < 1000 for problem in found)
    if not found:
        honestly = predictions.read(place / "evil" / "seed-0" / PREDICTIONS_FILE, protocol, rows)
        assert read.entry == "evil"
        now = {(c.condition, c.metric): c.value for c in claims(scores.score(protocol, rows, arrays, 0))}
        then = {(c.condition, c.metric): c.value for c in claims(scores.score(protocol, rows, honestly, 0))}
        assert now == pytest.approx(then, abs=2e-6)
    shutil.rmtree(folder.parent.parent.parent)
