"""Hostile protocols and truths, which a pull request may add: each refused with its reason, none decompressed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.files.hostile_files import forge_number

from medshift.benchmark.protocols import folder
from medshift.benchmark.protocols import truth as truths
from medshift.benchmark.protocols.protocol import LARGEST_PROTOCOL, PROTOCOL_FILE, TRUTH_FILE
from medshift.leaderboard.review.changes import of_folders
from medshift.leaderboard.review.review import review
from medshift.shifts.errors import MedshiftError


@pytest.fixture
def made(fabricate, tmp_path, monkeypatch):
    """A folder of a protocol with one entry, and its truth."""
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(truths, "LARGEST", 4 << 20)  # instead of a gigabyte, so that the tests need not make one
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, protocol, rows, "new")
    return place, rows


def edited(**changes):
    def harm(place, _):
        fields = json.loads((place / PROTOCOL_FILE).read_text())
        (place / PROTOCOL_FILE).write_text(json.dumps({**fields, **changes}))

    return harm


def table(change, **options):
    """Return a harm that writes another truth, and its hash into the protocol if the columns are right."""

    def harm(place, rows):
        changed = change(rows.copy())
        arrays = changed if isinstance(changed, pa.Table) else pa.Table.from_pandas(changed, preserve_index=False)
        pq.write_table(arrays, place / TRUTH_FILE, **options)
        if isinstance(changed, pd.DataFrame) and set(changed.columns) == set(truths.COLUMNS):
            edited(truth_sha256=truths.digest(changed))(place, rows)

    return harm


def long_strings(rows):
    """Ids of 100 kB each, which compress to almost nothing."""
    return rows.assign(sample_id=["A" * 10**5 + str(index) for index in range(len(rows))])


def repeated(place, rows):
    """The same string of a megabyte in every row, stored once."""
    columns = {name: pa.array(rows[name]) for name in rows}
    columns["group"] = pa.DictionaryArray.from_arrays(np.zeros(len(rows), np.int32), ["A" * 10**6])
    pq.write_table(pa.table(columns), place / TRUTH_FILE, compression="zstd")


def forged(place, rows):
    """Long strings in a file whose footer claims that it decompresses to a thousand bytes."""
    path = place / TRUTH_FILE
    pq.write_table(
        pa.Table.from_pandas(long_strings(rows), preserve_index=False), path, compression="zstd", use_dictionary=False
    )
    group = pq.ParquetFile(path).metadata.row_group(0)
    forge_number(path, group.total_byte_size, 1000)
    forge_number(path, group.column(rows.columns.get_loc("sample_id")).total_uncompressed_size, 1000)


def no_text(place, _):
    path = place / TRUTH_FILE
    path.write_bytes(path.read_bytes().replace(b"sample_id", b"\xff\xfe\xfdple_id"))


KINDS = {
    "no metric": (edited(metrics=[]), "metrics must be at least one, each once"),
    "a metric twice": (edited(metrics=["auroc", "auroc"]), "metrics must be at least one, each once"),
    "an unknown metric": (edited(metrics=["aurok"]), "unknown metric 'aurok'. Did you mean 'auroc'"),
    "a target twice": (edited(targets=["site-b", "site-b"]), "duplicate condition 'site-b'"),
    "the source as target": (edited(targets=["site-a"]), "duplicate condition 'site-a'"),
    "a target as the source's validation": (
        edited(targets=["site-a/val"]),
        "duplicate condition 'site-a/val'",
    ),
    "a target of no image": (edited(targets=["site-x"]), "no test samples in domain 'site-x'"),
    "a severity of zero": (edited(severities=[0]), "severities must be among 1, 2, 3, 4, 5"),
    "no severity": (edited(severities=[]), "severities must be among 1, 2, 3, 4, 5"),
    "a severity twice": (edited(severities=[1, 1]), "duplicate condition"),
    "a matched severity of zero": (edited(matched={"gamma": [0.0]}), "matched severities must be above 0"),
    "too many conditions": (
        edited(shifts={f"s{i}": "x" for i in range(4000)}),
        "conditions; at most 10000 can be scored",
    ),
    "a huge protocol": (
        lambda place, _: (place / PROTOCOL_FILE).write_bytes(b" " * (LARGEST_PROTOCOL + 1)),
        "the limit for a protocol",
    ),
    "a deep protocol": (
        lambda place, _: (place / PROTOCOL_FILE).write_bytes(b"[" * 200_000),
        "is not a valid protocol",
    ),
    "another folder's protocol": (edited(name="easier"), "its protocol is named 'easier'"),
    "labels beyond the classes": (table(lambda t: t.assign(label=t["label"] + 1)), "label 2 is out of range"),
    "negative labels": (table(lambda t: t.assign(label=t["label"] - 1)), "label -1 is out of range"),
    "labels that are no numbers": (table(lambda t: t.assign(label=t["label"].astype(str))), "not int64"),
    "labels that are dates": (
        table(lambda t: pa.Table.from_pandas(t.assign(label=pd.Timestamp(0)), preserve_index=False)),
        "not int64",
    ),
    "a column of lists": (
        table(lambda t: pa.table({**{n: pa.array(t[n]) for n in t}, "group": pa.array([["x"]] * len(t))})),
        "cannot be read as a truth table",
    ),
    "a column more": (table(lambda t: t.assign(path="x")), "has columns"),
    "a column less": (table(lambda t: t.drop(columns="group")), "has columns"),
    "an empty cell": (
        table(lambda t: pa.table({**{n: pa.array(t[n]) for n in t}, "group": pa.array([None] * len(t), pa.string())})),
        "has empty cells",
    ),
    "a sample twice": (table(lambda t: pd.concat([t, t.head(1)])), "repeated sample ids"),
    "no row": (table(lambda t: t.head(0)), "no val samples in domain 'site-a'"),
    "a long string in every row": (repeated, "decompresses to 76 MiB"),
    "a bomb with a forged footer": (forged, "decompresses to 7 MiB"),
    "a bomb of prefixes": (
        table(
            lambda t: pa.Table.from_pandas(long_strings(t), preserve_index=False),
            compression="zstd",
            use_dictionary=False,
            column_encoding={"sample_id": "DELTA_BYTE_ARRAY"},
        ),
        "cannot be read as a truth table",
    ),
    "a column name that is no text": (no_text, "cannot be read as a truth table"),
    "no Parquet": (lambda place, _: (place / TRUTH_FILE).write_bytes(b"PAR1" * 9), "cannot be read as a truth table"),
    "a huge file": (lambda place, _: (place / TRUTH_FILE).open("ab").truncate(300 << 20), "the limit for a truth"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_refused_with_its_reason(made, kind):
    place, rows = made
    harm, reason = KINDS[kind]
    harm(place, rows)
    text, sound = review(of_folders([place / "new" / "seed-0"]))
    assert reason in text
    assert not sound


def test_a_damaged_byte_never_raises_anything_else(made):
    place, _ = made
    whole = (place / TRUTH_FILE).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        harmed = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            harmed[at] ^= int(rng.integers(1, 256))
        (place / TRUTH_FILE).write_bytes(bytes(harmed))
        problem = ""
        try:
            folder.read_protocol(place)
        except MedshiftError as error:
            problem = str(error)
        assert "\n" not in problem
