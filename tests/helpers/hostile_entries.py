"""What is harmed by hostile submissions: an honest entry beside an evil one, and hostile text."""

from __future__ import annotations

import json

from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.submissions.card import CARD_FILE
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE

SCRIPT = "<script>alert(1)</script>"
SECRET = "PWNED"  # in every hostile text; must not appear on the page


def fields_of(folder):
    return json.loads((folder / CARD_FILE).read_text())


def agreeing(folder, protocol, rows):
    """Make the card agree with the harmed predictions, as an attacker would."""
    fields = fields_of(folder)
    fields["predictions"]["sha256"] = sha256(folder / PREDICTIONS_FILE)
    (folder / CARD_FILE).write_text(json.dumps(fields))


def honest_and_evil(fabricate, folder):
    """Make an honest entry and one to be harmed; return their protocol's folder, the protocol and its truth."""
    place, protocol, rows = fabricate.contest(folder, fabricate.table(groups=5))
    fabricate.submission(place, protocol, rows, "honest", skill=3.0)
    fabricate.submission(place, protocol, rows, "evil", skill=1.0, summary=SECRET)
    return place, protocol, rows
