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


def forge_number(path, true, false, count=0):
    """Replace a number in the footer of a Parquet file by a false one: everywhere, or the first `count` times."""
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    length = len(varint(2 * true))  # zigzag encoding doubles integers
    footer = content[start:]
    assert varint(2 * true) in footer
    path.write_bytes(content[:start] + footer.replace(varint(2 * true), varint(2 * false, length), count or -1))


def varint(number, length=1):
    """Encode a number with seven bits per byte, in at least `length` bytes."""
    parts = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 7 * length), 7)]
    return bytes([part | 128 for part in parts[:-1]] + parts[-1:])
