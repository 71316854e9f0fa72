"""The documentation builds as a site without a warning, asks nothing of a network, and can be searched from disk."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.markdown_pages import ROOT

pytest.importorskip("mkdocs")
pytest.importorskip("material")
pytestmark = pytest.mark.slow
PAGES = ("index.html", "get-started/your-model.html", "reference/commands/run.html", "reference/api/shifts.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly."""
    out = tmp_path_factory.mktemp("site")
    words = [
        "mkdocs",
        "build",
        "--quiet",
        "--strict",
        "--config-file",
        ROOT / "docs/tools/mkdocs.yml",
        "--site-dir",
        out,
    ]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([sys.executable, "-m", *words], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return out


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_disk_asks_nothing_of_a_network_and_fits(site, browser, name, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((site / name).as_uri())
    page.wait_for_timeout(300)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.close()


def test_the_site_can_be_searched_from_disk(site, browser):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.fill("input.md-search__input", "hounsfield")
    page.wait_for_selector("a.md-search-result__link", timeout=20_000)
    found = page.eval_on_selector_all("a.md-search-result__link", "links => links.map(link => link.href)")
    assert any("how-to/data/dicom.html" in link for link in found)
    page.close()


def test_the_public_names_are_rendered_with_their_arguments(site):
    text = (site / "reference/api/shifts.html").read_text()
    assert 'id="medshift.shifts.apply_shift"' in text
    assert "sample_ids" in text
    assert "Returns:" in text
