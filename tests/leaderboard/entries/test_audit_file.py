"""An audit beside a board: shown if it is sound and fits, named if it is not, and never markup."""

from __future__ import annotations

import json

import pytest
from helpers.boards import HOSTILE
from helpers.boards import audit_record as record
from helpers.checkouts import changes_of, committed, git, reviewed

from medshift.benchmark.audit.report.record import LARGEST
from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.entries.audit_file import AUDIT_FILE, board_audit
from medshift.leaderboard.entries.entries import protocol_folder
from medshift.leaderboard.review.changes import of_diff
from medshift.shifts.errors import MedshiftError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def root(fabricate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    small = {"shifts": {"gamma": "contrast"}, "severities": (3,)}
    place, made, rows = fabricate.contest(folder, fabricate.table(groups=4, per_group=2), **small)
    fabricate.submission(place, made, rows)
    return folder


def placed(root, content):
    path = root / "made-up" / AUDIT_FILE
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_main_findings_are_on_the_board_s_page_and_lead_to_the_audit_s(root, tmp_path):
    placed(root, record())
    for out in ("one", "two"):
        build_leaderboard(root, tmp_path / out)
    board, audit = ((tmp_path / "one" / name).read_text() for name in ("board-made-up.html", "audit-made-up.html"))
    line = (
        '<li>Audit: <span class="weight grave">grave</span> <a href="audit-made-up.html#finding-1">2 pairs of duplicate'
    )
    assert line in board
    assert 'note</span> <a href="audit-made-up.html#finding-3">note 2</a>' in board
    assert 'Audit: <a href="audit-made-up.html">1 more finding</a>' in board
    assert '<li id="finding-1">' in audit
    assert 'href="board-made-up.html"' in audit
    assert "<td>.62<span" in audit
    assert "<td>1.5<span" in audit
    for name in ("board-made-up.html", "audit-made-up.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_its_texts_never_become_markup(root, tmp_path):
    placed(root, record(findings=[{"weight": "grave", "text": HOSTILE, "advice": HOSTILE}]))
    build_leaderboard(root, tmp_path / "out")
    for name in ("board-made-up.html", "audit-made-up.html"):
        text = (tmp_path / "out" / name).read_text()
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert" in text


def finding(text):
    return [{"weight": "note", "text": text, "advice": "None."}]


WRONG = {
    "not JSON": ("{", "is not a valid record of an audit"),
    "a field twice": (json.dumps(record()).replace('{"schema"', '{"source": "x", "schema"', 1), "source"),
    "another schema": (record(schema="medshift-audit/2"), "is not a valid record of an audit: schema"),
    "an unknown field": (record(html="<b>"), "html: Extra inputs are not permitted"),
    "a number as text": (record(counts=[{"domain": "site-a", "images": ["1", 2], "groups": [1, 1]}]), "valid integer"),
    "not a number": (json.dumps(record()).replace("0.62", "NaN"), "is not a valid record"),
    "an AUC above 1": (record(shortcuts=[{**record()["shortcuts"][0], "area": 1.2}]), "less than or equal to 1"),
    "a control": (record(findings=finding("a\u202eb")), "U+202E"),
    "an unknown weight": (record(findings=[{**finding("a")[0], "weight": "<b>"}]), "'grave', 'serious' or 'note'"),
    "too few columns": (
        record(counts=[{"domain": "site-a", "images": [1], "groups": [1]}]),
        "as many numbers as classes",
    ),
    "a site without counts": (record(counts=record()["counts"][:1]), "domains that have counts"),
    "another data set": (record(dataset="other"), "it is of other@1, the protocol is of made-up@1"),
    "another version": (record(version="2"), "it is of made-up@2"),
    "other classes": (record(classes=["a", "b"]), "its classes are not those of the protocol"),
    "another source": (
        record(source="site-b", counts=[record()["counts"][i] for i in (1, 0, 2)]),
        "its source is site-b, that of the protocol is site-a",
    ),
    "fewer images than were tested": (
        record(counts=[*record()["counts"][:2], {"domain": "site-c", "images": [100, 1], "groups": [9, 1]}]),
        "it has fewer images than the truth in site-c",
    ),
    "the name of an image": (
        record(findings=finding("look at site-b/test/0001.png, first")),
        "name an image or a group",
    ),
    "the name of a patient": (record(findings=finding("see site-a-train-p000")), "name an image or a group"),
    "too much": (" " * (LARGEST + 1), "larger than 256 KiB"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_damaged_or_unfit_audit_is_named_with_its_fault(root, what):
    content, words = WRONG[what]
    path = placed(root, content)
    with pytest.raises(MedshiftError) as error:
        board_audit(protocol_folder(root / "made-up"))
    assert str(path) in str(error.value)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_board_is_made_without_its_damaged_audit(root, tmp_path):
    path = placed(root, "{")
    with pytest.raises(MedshiftError, match="refused and left out") as error:
        build_leaderboard(root, tmp_path / "out")
    assert str(path) in str(error.value)
    assert "Audit" not in (tmp_path / "out" / "board-made-up.html").read_text()
    assert not (tmp_path / "out" / "audit-made-up.html").exists()


def test_a_folder_is_no_audit(root):
    path = root / "made-up" / AUDIT_FILE
    path.unlink(missing_ok=True)
    path.mkdir()
    try:
        with pytest.raises(MedshiftError, match=r"audit\.json is a folder, where the record of an audit would lie"):
            board_audit(protocol_folder(root / "made-up"))
    finally:
        path.rmdir()


def test_a_link_is_no_audit(root, tmp_path):
    path = placed(root, record())
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(MedshiftError, match="is a link"):
        board_audit(protocol_folder(root / "made-up"))
    path.unlink()
    assert board_audit(protocol_folder(root / "made-up")) is None


def test_only_maintainers_add_an_audit_and_theirs_is_checked(fabricate, tmp_path):
    checkout, place = committed(fabricate, tmp_path)
    (place / AUDIT_FILE).write_text(json.dumps(record()))
    assert of_diff(changes_of(checkout), checkout).audits == {place}
    text, sound = reviewed(checkout, "mallory")
    assert not sound
    assert "an audit is for maintainers" in text
    text, sound = reviewed(checkout, "boss", maintainers=["boss"])
    assert sound
    assert "`made-up/audit.json`: **changes**" in text
    (place / AUDIT_FILE).write_text(json.dumps(record(version="2")))
    text, sound = reviewed(checkout, "boss", maintainers=["boss"])
    assert not sound
    assert "it is of made-up@2" in text
    git(checkout, "status")
