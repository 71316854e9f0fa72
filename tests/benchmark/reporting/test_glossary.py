"""The glossary: terms of a text lead to their definitions, and nothing else of it does."""

import re
from pathlib import Path

import pytest

from medshift.benchmark.cli.tables import glossary
from medshift.benchmark.reporting.glossary import ALSO, TERMS, chosen, linked


def links(text):
    return re.findall(r'href="#term-([\w-]+)">([^<]*)<', str(linked(text)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Tier 1 is supported.", [("tier", "Tier"), ("supported", "supported")]),
        ("Adaptation leads under shift.", [("approach", "Adaptation"), ("shifted", "under shift")]),
        ("drop and drop", [("drop", "drop")]),  # the first use
        ("my-tier+drop=3, tier.2 and raindrop", []),  # parts of names
        ("balanced accuracy of clean images", [("balanced-accuracy", "balanced accuracy"), ("clean", "clean")]),
    ],
)
def test_terms_of_a_text_lead_to_their_definitions(text, found):
    assert links(text) == found


def test_text_stays_text():
    assert str(linked("<b>tier</b> & more")) == (
        '&lt;b&gt;<a class="term" href="#term-tier">tier</a>&lt;/b&gt; &amp; more'
    )


def test_only_the_terms_of_the_page_are_linked():
    assert "href" not in linked("tier", chosen("drop"))


def test_words_name_one_term_each():
    words = [term.title.casefold() for term in TERMS.values()] + [word.casefold() for word in ALSO]
    assert len(set(words)) == len(words)
    assert set(ALSO.values()) <= set(TERMS)


def test_the_page_of_the_docs_shows_what_its_command_makes():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
    assert page.partition(glossary.BEGIN)[2].partition(glossary.END)[0].strip() == glossary.markdown()
