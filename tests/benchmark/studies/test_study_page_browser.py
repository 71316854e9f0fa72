"""The page of a study in a real browser: wide, dark and narrow, without requests or messages."""

from __future__ import annotations

import pytest
from helpers.boards import HOSTILE, SMALL
from helpers.browser import Opened

from medshift.benchmark.studies.file import read_study
from medshift.benchmark.studies.findings import Answered, Curve, Drawing, Findings, Measured, Point, Table
from medshift.benchmark.studies.report.page import page
from medshift.benchmark.studies.stored import StoredStudy, StudyData


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A page of everything that findings hold, with hostile text."""
    where = tmp_path_factory.mktemp("page")
    (where / "s.toml").write_text(SMALL)
    curves = [
        Curve(f"method {n} {HOSTILE}", [Point(x, 0.5 + n / 20 + x / 10, 0.4, 0.9) for x in (1.0, 2.0)])
        for n in range(9)
    ]
    curves.append(Curve("c", [Point(0, 0.7)], True))
    drawing = Drawing("clean", "on clean images", "rate", "balanced accuracy", curves)
    found = Measured(0.1, 0.05, 0.2, 3)
    findings = Findings(
        [Answered(f"It is {found.text}. {HOSTILE}", found, "supported", "above 0", "ours minus theirs")],
        [drawing],
        [Table("All cells", ["Method", *map(str, range(12))], [["x" * 60, *["0.873 [.84, .90]"] * 12]])],
        doubts=[HOSTILE],
        cards=[("ours, seed 0", {"settings": "a=1, " * 60})],
    )
    stored = StoredStudy(read_study(where / "s.toml").study, StudyData("set", True), "medshift " + "x" * 300, ("cut",))
    (where / "index.html").write_text(page(stored, findings), encoding="utf-8")
    return (where / "index.html").as_uri()


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_asks_for_nothing_and_answers_on_the_first_screen(browser, site, width, scheme):
    found = Opened(browser, site, viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = found.page
    assert (found.messages, found.requests) == ([], [site])
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.locator("h1").inner_text() == "Does a higher rate do better?"
    answer = opened.locator(".answer")
    assert answer.inner_text().startswith("Supported. It is +.100 [+.050, +.200].")
    assert answer.bounding_box()["y"] < 500
    grounds = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 22, 26)"}
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == grounds[scheme]
    assert opened.locator("figure svg polyline").count() == 10
    found.context.close()
