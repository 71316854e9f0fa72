"""The documentation of public sets agrees with their definitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from medshift.benchmark.cli.tables import datasets
from medshift.benchmark.datasets.public.catalogue import DEFINITIONS, TABLE, find
from medshift.benchmark.datasets.public.definition import load_function
from medshift.shifts.catalogue import MODALITIES
from medshift.shifts.errors import MedshiftError

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "reference" / "datasets.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "how-to" / "data" / "public-sets.md").read_text(encoding="utf-8")


def test_the_page_shows_what_its_command_makes():
    shown = PAGE.partition(datasets.BEGIN)[2].partition(datasets.END)[0]
    assert shown.strip() == datasets.markdown().strip()


def test_definitions_are_whole():
    assert len(TABLE) == len(DEFINITIONS)
    for definition in DEFINITIONS:
        assert definition.modality in MODALITIES
        assert len(set(definition.classes)) == len(definition.classes) >= 2
        assert len(set(definition.domains)) == len(definition.domains) >= 2
        assert definition.source in ("", *definition.domains)
        assert all((definition.licence, definition.citation, definition.layout, definition.group))
        assert "https://" in definition.page or "http://" in definition.page
        assert callable(load_function(definition.reader))
        assert not definition.sides or definition.side in definition.sides
        extra = f"medshift[{definition.extra}]"
        assert not definition.extra or extra in GUIDE


def test_checksums_are_named_where_the_page_says():
    for definition in DEFINITIONS:
        if definition.remotes and definition.name != "pathmnist":
            published = {remote.published for remote in load_function(definition.remotes)(definition.side)} - {""}
            assert all(name in GUIDE for name in published)


def test_an_unknown_name():
    with pytest.raises(MedshiftError, match="Did you mean 'camelyon17'"):
        find("camelyon16")
