"""What is fuzzed: each target reads bytes as one kind of file, and says what is wrong or what it read."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from helpers import factories
from helpers.boards import audit_record
from helpers.images import dicom_files
from PIL import Image

from medshift.benchmark.audit.report.record import audit_problems, read_audit
from medshift.benchmark.datasets.importing.collection import read_unlabelled
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.exchange.delimited import read_table
from medshift.benchmark.files.bounded.archive import unpack_archive
from medshift.benchmark.files.text import csv_cell, fault, for_terminal, twins, unportable, visible
from medshift.benchmark.protocols import protocol as protocols
from medshift.benchmark.protocols import truth as truths
from medshift.benchmark.scoring.refused import answered
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import predictions
from medshift.benchmark.submissions.expected import Expected
from medshift.leaderboard.report.markdown import escape
from medshift.shifts.errors import MedshiftError


@dataclass
class Context:
    """A contest, and a folder in which files are written."""

    folder: Path
    protocol: Any
    rows: Any


def card(content, of):
    """Read a card: problems in printable lines, or a card that is written and read as the same."""
    path = of.folder / "card.json"
    path.write_bytes(content)
    found = cards.parse(path)
    if isinstance(found, list):
        assert found
        return found
    cards.write(found, of.folder)
    assert cards.parse(path) == found
    return []


def prediction(content, of):
    """Read predictions: problems, or probabilities of every condition."""
    path = of.folder / "predictions.parquet"
    path.write_bytes(content)
    found = predictions.inspect(path, of.protocol, Expected.of(of.protocol, of.rows))
    assert bool(found.problems) != bool(found.arrays)
    for array in found.arrays.values():
        assert (abs(array[answered(array)].sum(axis=1) - 1) <= 2e-3).all()
    return found.problems


def protocol(content, of):
    """Read a protocol, which has one hash however often it is written."""
    (of.folder / protocols.PROTOCOL_FILE).write_bytes(content)
    found = protocols.read(of.folder)
    protocols.write(found, of.folder)
    assert protocols.read(of.folder).sha256 == found.sha256
    return []


def truth(content, of):
    """Read a truth, whose ids are unique."""
    (of.folder / "truth.parquet").write_bytes(content)
    found = truths.read(of.folder / "truth.parquet")
    assert found["sample_id"].is_unique
    return []


def audit(content, of):
    """Read the record of an audit, and hold it against the contest."""
    path = of.folder / "audit.json"
    path.write_bytes(content)
    return audit_problems(read_audit(path), of.protocol, of.rows)


def images(ending):
    """Return a target that reads a folder with one image."""

    def read(content, of):
        place = of.folder / f"images-{ending}"
        place.mkdir(exist_ok=True)
        (place / f"a.{ending}").write_bytes(content)
        found = read_unlabelled(place, Options())
        assert len(found.pixels) == len(found.ids)
        return [*found.notes]

    return read


def table(content, of):
    """Read a table of predictions of any origin."""
    (of.folder / "table.csv").write_bytes(content)
    found, notes = read_table(of.folder / "table.csv")
    assert all(isinstance(name, str) for name in found.columns)
    return notes


def archive(content, of):
    """Unpack an archive: nothing is written beside its folder."""
    path, place = of.folder / "a.tar", of.folder / "out" / "in"
    path.write_bytes(content)
    place.mkdir(parents=True, exist_ok=True)
    try:
        unpack_archive(path, place)
    finally:
        assert [each.name for each in place.parent.iterdir()] == ["in"]
        assert not any(each.is_symlink() for each in place.rglob("*"))
    return []


def text(content, of):
    """Show any text: one printable line, that stays as it is when it is shown again."""
    given = content.decode("utf-8", "surrogateescape")
    shown = visible(given, 300)
    assert len(shown) <= 3000
    assert fault(shown, 3000) == "" or "marks" in fault(shown, 3000) or "as if it were" in fault(shown, 3000)
    for line in for_terminal(given).split("\n"):
        assert not set(line) & {chr(code) for code in (*range(32), 127, *range(128, 160))}
    assert csv_cell(csv_cell(given)) == csv_cell(given) or csv_cell(given).startswith("'")
    assert "\n" not in escape(given)
    assert not unportable(given) or unportable(given).isprintable()
    twins([given, shown])
    return [fault(given)]


def _picture(kind, dtype):
    made = io.BytesIO()
    values = np.arange(400).reshape(20, 20)
    Image.fromarray((values * (255 if dtype == np.uint8 else 65535) // 400).astype(dtype)).save(made, kind)
    return made.getvalue()


def _nifti(folder):
    import nibabel

    values = np.arange(12**3, dtype=np.int16).reshape(12, 12, 12)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / "seed.nii")
    return (folder / "seed.nii").read_bytes()


def _tar():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("set/a.png", "set/b.csv"):
            member = tarfile.TarInfo(name)
            member.size = 5
            tar.addfile(member, io.BytesIO(b"hello"))
    return made.getvalue()


def context(folder):
    """Make a contest with an honest entry; return it, and valid content for every target."""
    place, made, rows = factories.contest(folder / "seed", factories.table(groups=3))
    factories.submission(place, made, rows, "honest")
    honest = place / "honest" / "seed-0"
    dicom = dicom_files.write(folder / "seed.dcm", (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16), 1, bits=12)
    lines = ["condition,sample_id,p0,p1", *(f"site-a,site-a/test/{i:04d}.png,0.25,0.75" for i in range(20))]
    work = folder / "work"
    work.mkdir()
    seeds = {
        "card": (honest / "card.json").read_bytes(),
        "predictions": (honest / "predictions.parquet").read_bytes(),
        "protocol": (place / "protocol.json").read_bytes(),
        "truth": (place / "truth.parquet").read_bytes(),
        "audit": json.dumps(audit_record()).encode(),
        "dicom": dicom.read_bytes(),
        "nifti": _nifti(folder),
        "png": _picture("PNG", np.uint8),
        "tiff": _picture("TIFF", np.uint16),
        "table": "\n".join(lines).encode(),
        "archive": _tar(),
        "text": json.dumps({"ü": "abc, β, 東京"}, ensure_ascii=False).encode(),
    }
    return Context(work, made, rows), seeds


TARGETS = {
    "card": card,
    "predictions": prediction,
    "protocol": protocol,
    "truth": truth,
    "audit": audit,
    "dicom": images("dcm"),
    "nifti": images("nii"),
    "png": images("png"),
    "tiff": images("tif"),
    "table": table,
    "archive": archive,
    "text": text,
}


def run(name, content, of):
    """Run a target; raise AssertionError unless it reads the content, or refuses it in printable lines."""
    try:
        said = TARGETS[name](content, of)
    except MedshiftError as error:
        said = str(error).split("\n")
    for line in said:
        assert len(line) < 2000, (name, line[:200])
        assert line.replace("\u0301", "").isprintable() or name == "text", (name, line)
