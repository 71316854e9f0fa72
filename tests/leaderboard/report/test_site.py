"""The pages of a site: an index, a page per board, the gallery of shifts, and links between them."""

from __future__ import annotations

import re
from urllib.parse import unquote

from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.leaderboard.build import build_leaderboard


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
