"""The check of a pull request: what it says, and that its workflows can do no harm."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from medshift.benchmark.card import CARD_FILE
from medshift.benchmark.verify import Outcome, mark
from medshift.leaderboard.review import review

WORKFLOWS = Path(__file__).parent.parent / ".github" / "workflows"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


def test_a_sound_entry_is_told_where_it_would_stand(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=8))
    fabricate.submission(place, protocol, rows, "there", skill=1.0)
    new = fabricate.submission(place, protocol, rows, "new+lr=0.1", skill=3.0)
    text, sound = review([new])
    assert sound
    assert "`new+lr=0.1` on `made-up` (seeds 0): in order. It would stand at rank 1 (" in text
    assert "of 2, tier 1" in text
    assert "there" not in text


def test_what_is_wrong_is_listed_and_is_text(fabricate, tmp_path):
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    bad = fabricate.submission(place, protocol, rows, "bad")
    fields = json.loads((bad / CARD_FILE).read_text())
    fields["[x](http://evil) @everyone <img>"] = 1
    (bad / CARD_FILE).write_text(json.dumps(fields))
    marked = fabricate.submission(place, protocol, rows, "marked")
    mark(marked, Outcome("bytes", 0, []), "myself")
    text, sound = review([bad, marked, place / "gone" / "seed-0"])
    assert not sound
    assert "`made-up/bad/seed-0`: **refused**" in text
    assert "verified.json is added by a maintainer" in text.replace("\\", "")
    assert "`made-up/gone/seed-0`: removed" in text
    outside = re.sub(r"`[^`\n]*`", "", text)  # in a span of code nothing is a link, a mention or HTML
    assert "](http" not in outside
    assert "@everyone" not in outside
    assert "<img>" not in outside
    assert review([])[1]
    assert not review([tmp_path / "nowhere" / "a" / "seed-0"])[1]


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_actions_are_pinned_and_untrusted_code_gets_nothing(path):
    text = path.read_text()
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action), action
    assert "pull_request_target" not in text
    assert "secrets." not in text
    assert "write-all" not in text
    scripts = re.findall(r"run: \|\n((?: {10}.*\n|\n)+)", text)
    assert not any("${{" in script for script in scripts)  # what a contributor wrote is never pasted into a script
    if "workflow_run" in text:
        assert "actions/checkout" not in text
    elif "pull_request" in text:
        assert text.count("actions/checkout@") == text.count("persist-credentials: false")
