"""Files that are changed at random are read, or refused in a line: seconds in `make test`, any time in `make fuzz`.

What breaks a target is kept in `corpus/TARGET/`, and replayed by every run of the tests.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import targets

CORPUS = Path(__file__).parent / "corpus"
SECONDS = float(os.environ.get("MEDSHIFT_FUZZ_SECONDS", "0"))  # for each target; 0: EXAMPLES once, always the same
EXAMPLES = int(os.environ.get("MEDSHIFT_FUZZ_EXAMPLES", "12"))
LONGEST = 1 << 20  # bytes of a file that is tried
TOKENS = (
    b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"-1", b"1e400", b"NaN",
    b'"', b"{", b"}", b"[" * 60, b'"a":1,"a":2,', b"=1+1", b"\\ud800",
    b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\x1b[2J", b"\n::error::", b"../../",
    b"\xef\xbb\xbf", b"PAR1", b"99999999999999999999", b"\xf3\xa0\x81\x81", b"true", b"null", b"\x08\0\x05\0",
    b"\xfe\xff\0\xe0",
)  # fmt: skip


@st.composite
def edits(draw):
    """Draw changes: where, as a share of the file, how, and by what."""
    kinds = ("put", "put in", "cut", "repeat", "token", "end")
    one = st.tuples(st.floats(0, 1), st.sampled_from(kinds), st.binary(max_size=6), st.integers(1, 64))
    return draw(st.lists(one, min_size=1, max_size=6)), draw(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=3))


def changed(content, drawn):
    """Apply changes to a valid file."""
    made = bytearray(content)
    for number, (share, kind, payload, count) in enumerate(drawn[0]):
        at = int(share * len(made))
        if kind == "put":
            made[at : at + len(payload)] = payload
        elif kind == "put in":
            made[at:at] = payload
        elif kind == "cut":
            del made[at : at + count]
        elif kind == "repeat":
            made[at:at] = made[max(0, at - count) : at] * count
        elif kind == "token":
            token = drawn[1][number % len(drawn[1])]
            made[at : at + len(token) * (count % 2)] = token
        elif count == 64:
            del made[at:]
    return bytes(made[:LONGEST])


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    return targets.context(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_valid_file_is_read_and_a_changed_one_read_or_refused_in_a_line(name, seeded):
    of, seeds = seeded
    targets.run(name, seeds[name], of)

    @settings(
        max_examples=200 if SECONDS else EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not SECONDS,
        suppress_health_check=list(HealthCheck),
    )
    @given(edits())
    def fuzz(drawn):
        content = changed(seeds[name], drawn)
        try:
            targets.run(name, content, of)
        except Exception as error:
            _keep(name, content, error)
            raise

    end = time.monotonic() + SECONDS
    fuzz()
    while time.monotonic() < end:
        fuzz()


def _keep(name, content, error):
    """Keep what breaks a target; while it is made smaller, the last one, which is the smallest, replaces the others."""
    where = hashlib.sha256(f"{type(error).__name__} {str(error)[:40]}".encode()).hexdigest()[:8]
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    (CORPUS / name / f"found-{where}.bin").write_bytes(content)


KEPT = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_once_is_read_or_refused_in_a_line(path, seeded):
    targets.run(path.parent.name, path.read_bytes(), seeded[0])
