"""The pages of a site: an index, a page per board, the gallery of shifts, and links between them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from helpers.boards import audit_record
from helpers.cli import files_in
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.files.atomic import sha256
from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.report.output import LIST_FILE, Output
from medshift.leaderboard.report.site.links import require_docs
from medshift.shifts.errors import MedshiftError


def test_several_protocols_are_cards_of_an_index_that_leads_to_a_page_each(fabricate, tmp_path, home):
    for name in ("first", "s+c@d"):
        place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4), name=name)
        fabricate.submission(place, made, rows)
    build_leaderboard(tmp_path / "in", tmp_path / "out")
    index = (tmp_path / "out" / "index.html").read_text()
    links = [unquote(found) for found in re.findall(r'<h2><a href="([^"]*)"', index)]
    assert links == ["board-first.html", "board-s+c@d.html", "over-boards.html"]
    for path in (tmp_path / "out" / name for name in ("index.html", *links)):
        text = path.read_text()
        assert len(set(re.findall(r' id="([^"]*)"', text))) == len(re.findall(r' id="', text))
        terms = [f"term-{name}" for name in re.findall(r'data-term="(.*?)"', text)]
        for target in re.findall(r'href="#([^"]*)"', text) + terms:
            assert f'id="{target}"' in text
        for other in re.findall(r' href="([^"#]+)"', text):
            assert (path.parent / unquote(other)).is_file()


def test_what_an_earlier_build_wrote_and_this_one_does_not_is_removed_and_nothing_else(fabricate, tmp_path, home):
    root, out = tmp_path / "in", tmp_path / "out"
    for name in ("first", "second"):
        place, made, rows = fabricate.contest(root, fabricate.table(groups=4), name=name)
        for entry in ("one", "two"):
            fabricate.submission(place, made, rows, entry)
    (place / "audit.json").write_text(json.dumps({**audit_record(), "dataset": "made-up"}))
    out.mkdir()
    (out / "shifts.html").write_text("a gallery")
    (out / "CNAME").write_text("the user's")
    build_leaderboard(root, out, against="one", gallery="shifts.html")
    before = set(files_in(out))
    (out / "against.md").write_text("notes of the user's own")
    shutil.rmtree(root / "second")
    build_leaderboard(root, out)
    gone = {
        "against.csv",
        "audit-second.html",
        "board-second.html",
        "over-boards.html",
        "over-boards.json",
        "shifts.html",
    }
    assert before - set(files_in(out)) == gone
    assert {"CNAME", "against.md", "board-first.html", "scores.csv"} <= set(files_in(out))


def test_a_list_that_leads_out_of_the_folder_or_is_damaged_removes_nothing(tmp_path):
    other, out = tmp_path / "other.txt", tmp_path / "out"
    other.write_text("x")
    for text in (json.dumps({"schema": "medshift-site/1", "files": {"../other.txt": sha256(other)}}), "{", "[]"):
        out.mkdir(exist_ok=True)
        (out / LIST_FILE).write_text(text)
        site = Output(out)
        site.write("a.md", "a")
        site.finish()
        assert other.exists()
        assert json.loads((out / LIST_FILE).read_text())["files"] == {"a.md": sha256(out / "a.md")}


def test_a_file_in_another_case_goes_and_one_that_cannot_be_removed_is_tried_again(tmp_path, monkeypatch):
    def build(*names):
        site = Output(tmp_path)
        for name in names:
            site.write(name, name)
        site.finish()
        return set(files_in(tmp_path)) - {LIST_FILE}

    build("board-A.html", "gone.html")
    unlink = Path.unlink

    def open_elsewhere(path, **words):
        if path.name == "gone.html":
            raise PermissionError(path)
        unlink(path, **words)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", open_elsewhere)
        assert build("board-a.html") == {"board-a.html", "gone.html"}
    assert build("board-a.html") == {"board-a.html"}


def test_a_gallery_of_shifts_is_made_and_linked_on_request(fabricate, tmp_path, monkeypatch, home):
    from medshift.benchmark.severity.gallery import gallery

    monkeypatch.setattr(gallery, "gallery", lambda home, progress: f"back to {home}")
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, made, rows)
    for words, there in (([], False), (["--gallery"], True)):
        out = tmp_path / f"out-{there}"
        assert CliRunner().invoke(app, ["leaderboard", str(tmp_path / "in"), "--out", str(out), *words]).exit_code == 0
        assert (out / "shifts.html").is_file() == there
        for name in ("index.html", "board-made-up.html"):
            assert ('href="shifts.html"' in (out / name).read_text()) == there
    assert (tmp_path / "out-True" / "shifts.html").read_text() == "back to index.html"


@pytest.mark.parametrize(("docs", "linked"), [("", ""), ("docs", "docs/"), ("https://x.org/m/", "https://x.org/m/")])
def test_pages_link_to_the_documentation_on_request_and_say_how_to_enter(fabricate, tmp_path, home, docs, linked):
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, made, rows)
    words = ["leaderboard", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--docs", docs]
    assert CliRunner().invoke(app, words).exit_code == 0
    for name in ("index.html", "board-made-up.html"):
        text = (tmp_path / "out" / name).read_text()
        found = re.findall(r'<a href="([^"]*)">(?:Documentation|How to submit|Rules)</a>', text)
        pages = ("index.html", "how-to/submission.html", "how-to/rules.html")
        assert found == [f"{linked}{page}" for page in pages if linked]
    assert "<dt>Enter</dt><dd><code>medshift run --baseline NAME" in text
    for page in pages[1:]:
        assert (Path(__file__).parents[3] / "docs" / page).with_suffix(".md").is_file()


@pytest.mark.parametrize("docs", ["javascript:alert(1)/", "docs?x", "data:text/html,x"])
def test_an_address_that_leads_elsewhere_is_refused_before_anything_is_scored(tmp_path, docs):
    with pytest.raises(MedshiftError, match=r"--docs .*give a folder beside the pages"):
        require_docs(docs)
