"""Hostile submissions of every kind: each refused with its reason; none stops the build or reaches the page."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.boards import built_page
from helpers.files.hostile_files import SCRIPT, SECRET, agreeing, fields_of, forge_number, honest_and_evil

from medshift.benchmark.submissions import submission
from medshift.benchmark.submissions.card import CARD_FILE, LARGEST_CARD
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE
from medshift.leaderboard.build import build_leaderboard
from medshift.shifts.errors import MedshiftError


def card(change):
    """Return a harm that edits the card and leaves the predictions."""

    def harm(folder, *_):
        fields = fields_of(folder)
        change(fields)
        (folder / CARD_FILE).write_text(json.dumps(fields))

    return harm


def raw(content):
    return lambda folder, *_: (folder / CARD_FILE).write_bytes(content)


def table(change):
    """Return a harm that edits the table of predictions and the card's hash with it."""

    def harm(folder, protocol, rows):
        pq.write_table(change(pq.read_table(folder / PREDICTIONS_FILE)), folder / PREDICTIONS_FILE)
        agreeing(folder, protocol, rows)

    return harm


def put(column, row, value):
    def change(found):
        values = found[column].to_pylist()
        values[row] = value
        index = found.column_names.index(column)
        return found.set_column(index, column, pa.array(values, found.schema.field(column).type))

    return table(change)


def swapped(found):
    """Swap the probabilities of the first half of the rows with those of the second."""
    half = len(found) // 2
    order = np.r_[half : len(found), :half]
    return (
        found.select(["condition", "sample_id"])
        .append_column("p0", found["p0"].take(order))
        .append_column("p1", found["p1"].take(order))
    )


def better(folder, protocol, rows):
    """Claim scores that are better than the predictions'."""
    fields = fields_of(folder)
    for claim in fields["scores"]:
        claim["value"] = 0.999
    (folder / CARD_FILE).write_text(json.dumps(fields))


def bomb(folder, *_):
    """Ids of 100 kB each that compress to almost nothing."""
    path = folder / PREDICTIONS_FILE
    found = pq.read_table(path)
    ids = pa.array([chr(65 + i % 26) * 100_000 + str(i) for i in range(len(found))])
    pq.write_table(found.set_column(1, "sample_id", ids), path, compression="zstd", use_dictionary=False)
    agreeing(folder, None, None)


def forged_bomb(folder, *_):
    """A bomb whose footer claims that it decompresses to a thousand bytes."""
    bomb(folder)
    path = folder / PREDICTIONS_FILE
    group = pq.ParquetFile(path).metadata.row_group(0)
    forge_number(path, group.total_byte_size, 1000)
    forge_number(path, group.column(1).total_uncompressed_size, 1000)
    assert pq.ParquetFile(path).metadata.row_group(0).total_byte_size == 1000
    agreeing(folder, None, None)


def prefixes(folder, *_):
    """Ids of 100 kB, of which each page stores one: the others are delta-encoded as sharing its prefix."""
    path = folder / PREDICTIONS_FILE
    found = pq.read_table(path)
    ids = pa.array(["A" * 100_000 + str(i) for i in range(len(found))])
    encoding = {"sample_id": "DELTA_BYTE_ARRAY"}
    pq.write_table(
        found.set_column(1, "sample_id", ids), path, compression="zstd", use_dictionary=False, column_encoding=encoding
    )
    agreeing(folder, None, None)


def forged_rows(folder, protocol, rows):
    """A million rows in a file whose footer claims the expected number."""
    total = len(pq.read_table(folder / PREDICTIONS_FILE))
    many_rows(folder)
    forge_number(folder / PREDICTIONS_FILE, 10**6, total, count=1)  # the first is the file's, the others the columns'
    assert pq.ParquetFile(folder / PREDICTIONS_FILE).metadata.num_rows == total
    agreeing(folder, None, None)


def many_rows(folder, *_):
    """A million identical rows in a small file."""
    path = folder / PREDICTIONS_FILE
    many = 10**6
    column = pa.array(np.zeros(many, np.float32))
    keys = pa.DictionaryArray.from_arrays(pa.array(np.zeros(many, np.int32)), pa.array(["site-a"])).cast(pa.string())
    pq.write_table(pa.table({"condition": keys, "sample_id": keys, "p0": column, "p1": column}), path)
    agreeing(folder, None, None)


def link(name):
    def harm(folder, *_):
        elsewhere = folder.parent.parent.parent / f"elsewhere-{name}"
        shutil.move(folder / name, elsewhere)
        (folder / name).symlink_to(elsewhere)

    return harm


def stray(name, content=b"import os"):
    return lambda folder, *_: (folder / name).write_bytes(content)


def someone_elses(folder, protocol, rows):
    """Take the predictions of a better entry under another name."""
    theirs = folder.parent.parent / "honest" / "seed-0"
    shutil.copy(theirs / PREDICTIONS_FILE, folder / PREDICTIONS_FILE)


def appended(folder, *_):
    with (folder / PREDICTIONS_FILE).open("ab") as file:
        file.truncate(400 << 20)


def fifo(folder, *_):
    (folder / CARD_FILE).unlink()
    os.mkfifo(folder / CARD_FILE)


def no_text(folder, *_):
    """Break the name of a column in the file's schema: pyarrow then fails with a KeyError."""
    path = folder / PREDICTIONS_FILE
    path.write_bytes(path.read_bytes().replace(b"condition", b"\xff\xfe\xfd\xfcition"))
    agreeing(folder, None, None)


def wide(found):
    return found.append_column(SCRIPT, found["p0"])


KINDS = {
    "script as a name": (card(lambda c: c["baseline"].update(name=SCRIPT)), "baseline.name: String should match"),
    "script as an entry": (card(lambda c: c.update(entry=SCRIPT)), "entry: String should match"),
    "a URL as an entry": (card(lambda c: c.update(entry="javascript:alert(1)")), "entry: String should match"),
    "../ as an entry": (card(lambda c: c.update(entry="../../etc")), "entry: String should match"),
    "another folder's entry": (card(lambda c: c.update(entry="evil+honest")), "entry is evil+honest, not evil"),
    "../ as a file": (card(lambda c: c["predictions"].update(file="../honest/x")), "predictions.file: Input should be"),
    "an absolute file": (card(lambda c: c["predictions"].update(file="/etc/passwd")), "predictions.file"),
    "a linked card": (link(CARD_FILE), "'card.json' is a link"),
    "linked predictions": (link(PREDICTIONS_FILE), "'predictions.parquet' is a link"),
    "a pipe": (fifo, "is a link or not a regular file"),
    "code beside it": (stray("evil.py"), "'evil.py' does not belong to a submission"),
    "a pickle beside it": (stray("model.pkl", b"\x80\x04."), "'model.pkl' does not belong"),
    "a bomb of strings": (bomb, "of memory to read; refused"),
    "a bomb with a forged footer": (forged_bomb, "of memory to read; refused"),
    "a bomb of prefixes": (prefixes, "cannot be read as Parquet: "),
    "far too many rows with a forged footer": (forged_rows, "has 1000000 rows; the protocol requires"),
    "far too many rows": (many_rows, "has 1000000 rows; the protocol requires"),
    "10^9 rows claimed": (card(lambda c: c["predictions"].update(rows=10**9)), "predictions.rows is 1000000000, not"),
    "a huge file": (appended, "takes 400 MiB for"),
    "NaN": (put("p0", 3, float("nan")), "are not finite"),
    "inf": (put("p1", 3, float("inf")), "are not finite"),
    "negative": (put("p0", 3, -0.5), "are outside [0, 1]"),
    "more than one": (put("p0", 3, 1.5), "are outside [0, 1]"),
    "no distribution": (put("p0", 3, 0.0), "do not sum to 1"),
    "an empty cell": (put("sample_id", 3, None), "has empty cells"),
    "an unknown sample": (put("sample_id", 3, SCRIPT), "1 unknown sample id,"),
    "an unknown condition": (put("condition", 3, SCRIPT), "1 unknown condition,"),
    "swapped rows": (table(swapped), "the predictions do not reproduce"),
    "duplicated rows": (table(lambda t: pa.concat_tables([t, t.slice(0, 1)])), "the protocol requires"),
    "a repeated sample": (table(lambda t: pa.concat_tables([t.slice(1), t.slice(1, 1)])), "repeats 1 sample"),
    "missing rows": (table(lambda t: t.slice(1)), "lacks 1 sample"),
    "no rows": (table(lambda t: t.slice(0, 0)), "is missing"),
    "a column of script": (table(wide), "has columns"),
    "someone else's predictions": (someone_elses, "its sha256 differs"),
    "someone else's hash": (card(lambda c: c["predictions"].update(sha256="f" * 64)), "its sha256 differs"),
    "claims better than the predictions": (better, "the predictions do not reproduce"),
    "a claim twice": (card(lambda c: c["scores"].append(c["scores"][0])), "a score is repeated"),
    "a claim of nothing": (card(lambda c: c["scores"].pop()), "lacks 1 score"),
    "an unknown schema": (card(lambda c: c.update(schema="medshift-card/9")), "schema: Input should be"),
    "an unknown field": (card(lambda c: c.update(run=SCRIPT)), "run: Extra inputs are not permitted"),
    "another protocol": (card(lambda c: c["protocol"].update(sha256="f" * 64)), "protocol.sha256 is"),
    "another truth": (card(lambda c: c["dataset"].update(truth_sha256="f" * 64)), "dataset.truth_sha256 is"),
    "another seed": (card(lambda c: c.update(seed=9)), "seed is 9, not 0"),
    "a negative seed": (card(lambda c: c.update(seed=-1)), "seed: Input should be greater"),
    "an enormous seed": (card(lambda c: c.update(seed=10**400)), "seed"),
    "another's name for medshift's own": (
        card(lambda c: c["baseline"].update(name="scratch", distribution="superlab 2.0")),
        "distribution is superlab 2.0, but 'scratch' is medshift's own",
    ),
    "longer than its schedule": (
        card(lambda c: c.update(training={"steps": 1, "run": 2250, "kept": 9})),
        "step 9 of 2250 is kept, and 2250 of 1 steps were run",
    ),
    "steps beyond reason": (
        card(lambda c: c.update(training={"steps": 2**62, "run": 9, "kept": 9})), "training.steps: Input should be less"
    ),
    "it sees everything": (card(lambda c: c["baseline"].update(sees="labels")), "baseline.sees: Input should be"),
    "medshift's, of a name that it has not": (
        card(lambda c: c["baseline"].update(distribution="medshift 9")), "medshift 9, which has no baseline 'evil'"
    ),
    "shifts left out": (card(lambda c: c["shifts"].pop("gamma")), "shifts is"),
    "a huge string": (card(lambda c: c.update(submitter="x" * 10**6)), "submitter: String should have at most"),
    "a huge card": (raw(b" " * (LARGEST_CARD + 1)), "the limit for a card"),
    "not UTF-8": (raw(b'{"schema": "\xff\xfe"}'), "card.json: "),
    "no JSON": (raw(SCRIPT.encode()), "card.json: "),
    "a deep JSON": (raw(b"[" * 200_000), "card.json: "),
    "infinite time": (card(lambda c: c["timings"].update(fit_s=float("inf"))), "timings.fit_s"),
    "no Parquet": (lambda f, *_: (f / PREDICTIONS_FILE).write_bytes(b"PAR1" + os.urandom(99)), "cannot be read as"),
    "a column name that is no text": (no_text, "cannot be read as"),
    "a forged mark": (stray("verified.json", b'{"result": "bytes"}'), "verified.json: "),
    "a link to a folder": (lambda f, *_: (f / "more").symlink_to("/"), "'more' does not belong"),
}  # fmt: skip


@pytest.fixture(scope="module")
def honest(fabricate, tmp_path_factory):
    return honest_and_evil(fabricate, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def harmed(honest, tmp_path):
    place, protocol, rows = honest
    shutil.copytree(place, tmp_path / "in" / place.name)
    return tmp_path / "in" / place.name / "evil" / "seed-0", protocol, rows


def test_there_are_fifty_kinds_and_more():
    assert len(KINDS) >= 50


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_refused_with_its_reason(harmed, kind):
    folder, protocol, rows = harmed
    assert submission.check_submission(folder, protocol, rows) == []
    harm, reason = KINDS[kind]
    harm(folder, protocol, rows)
    found = submission.check_submission(folder, protocol, rows)
    assert any(reason in problem for problem in found), found
    assert all(len(problem) < 1000 and "\n" not in problem for problem in found)


def test_none_stops_the_build_or_reaches_the_page(honest, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, protocol, rows = honest
    root = tmp_path / "in" / place.name
    shutil.copytree(place, root)
    shutil.move(root / "evil", tmp_path / "evil")
    for number, (kind, (harm, _)) in enumerate(KINDS.items()):
        if kind == "another folder's entry":
            continue
        folder = root / f"evil{number}" / "seed-0"
        shutil.copytree(tmp_path / "evil" / "seed-0", folder)
        fields = fields_of(folder)
        fields["entry"] = fields["baseline"]["name"] = f"evil{number}"
        (folder / CARD_FILE).write_text(json.dumps(fields))
        harm(folder, protocol, rows)
    for name in ("<img src=x onerror=alert(1)>", "..evil", "evil name"):
        shutil.copytree(tmp_path / "evil" / "seed-0", root / name / "seed-0")
    with pytest.raises(MedshiftError) as error:
        build_leaderboard(tmp_path / "in", tmp_path / "out")
    assert len(str(error.value).splitlines()) >= len(KINDS)
    page = built_page(tmp_path / "out")
    assert ">honest<" in page
    for text in (SECRET, "evil", "alert(1)", "onerror"):
        for path in (tmp_path / "out").iterdir():
            assert text not in path.read_text(), (text, path.name)
