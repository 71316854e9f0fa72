"""What `medshift check submission` counts beside an entry."""

from __future__ import annotations

import json

from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions.siblings import siblings


def test_entries_of_the_method_and_of_the_submitter_are_counted_and_the_budget_of_tuning_is_said(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    for entry in ("mine", "mine+lr=0.1", "mine+tune=2", "miner", "other"):
        fabricate.submission(place, made, rows, entry)
    card = place / "other" / "seed-0" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"submitter": "else"}))
    (place / "miner" / "seed-0" / "card.json").write_text("[" * 100_000)
    folder = place / "mine+tune=2" / "seed-0"
    tuned = cards.TuningClaim(draws=2, chosen=0, trials=[cards.TrialClaim(settings={}, score=0.1)])
    found = siblings(folder, cards.read(folder).model_copy(update={"tuning": tuned}))
    assert found == [
        "3 entries of mine here: mine, mine+lr=0.1, mine+tune=2",
        "3 entries of the submitter 'somebody' here: mine, mine+lr=0.1, mine+tune=2",
        "tuned on source validation: 2 draws, 1 tried",
    ]
