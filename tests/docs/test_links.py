"""Links within the pages lead somewhere, and the pages are all in the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import markdown_pages
from helpers.markdown_pages import DOCS, ROOT

TEXTS = markdown_pages.everything()


def fault(page: Path, link: str) -> str:
    """Say what is wrong with a link; empty if nothing is."""
    if re.match(r"[a-z]+:", link):
        return "" if link.startswith(("https://", "http://", "mailto:")) else "unknown scheme"
    path, _, anchor = link.partition("#")
    target = Path(page.parent, path).resolve() if path else page
    if target not in TEXTS and not target.exists():
        return "leads nowhere"
    if page.is_relative_to(DOCS) and not target.is_relative_to(DOCS):
        return "leads out of the site"
    if page.is_file() and target in TEXTS and not target.is_file():
        return "leads to a page of the site alone"
    if anchor and target in TEXTS and anchor not in markdown_pages.anchors(TEXTS[target]):
        return "has no such heading"
    return ""


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_to_a_page_and_a_heading(page):
    found = {link: fault(page, link) for link in markdown_pages.links(TEXTS[page])}
    assert {link: why for link, why in found.items() if why} == {}


def test_a_dead_link_is_found(tmp_path):
    here = DOCS / "index.md"
    assert fault(here, "nowhere.md") == "leads nowhere"
    assert fault(here, "concepts/shift.md#no-such-heading") == "has no such heading"
    assert fault(here, "../README.md") == "leads out of the site"
    assert fault(here, "reference/each-shift.md") == "leads to a page of the site alone"
    assert fault(here, "concepts/shift.md#comparable-severities") == ""


def test_the_site_names_every_page():
    config = (DOCS / "tools" / "mkdocs.yml").read_text()
    named = set(re.findall(r"[\w/-]+\.md", config.partition("\nnav:")[2]))
    shown = {str(page.relative_to(DOCS)) for page in TEXTS if page.is_relative_to(DOCS)}
    assert named == {name for name in shown if not name.startswith("reference/commands/")}


def test_every_page_of_docs_that_the_program_and_its_files_name_exists():
    places = [ROOT / name for name in ("Makefile", "pyproject.toml", "CHANGELOG.md", *(".github",))]
    places += [ROOT / folder for folder in ("benchmark", "baselines", "leaderboard", "shifts", "tests", "examples")]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    named = {
        (str(file.relative_to(ROOT)), page)
        for file in files
        if file.suffix in (".py", ".txt", ".toml", ".md", ".yml", "") and file.is_file() and file != Path(__file__)
        for page in re.findall(r"\bdocs/[\w/.-]+\.md\b", file.read_text(encoding="utf-8", errors="ignore"))
    }
    assert len(named) > 10
    assert {(file, page) for file, page in named if ROOT / page not in TEXTS} == set()


def test_pictures_are_small_and_shown():
    shown = {link.rpartition("/")[2] for text in TEXTS.values() for link in markdown_pages.links(text)}
    pictures = [path for path in (DOCS / "assets").iterdir() if path.suffix in (".svg", ".png")]
    assert {path.name for path in pictures} <= shown
    assert max(path.stat().st_size for path in pictures) < 250_000
