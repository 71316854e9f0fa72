"""docs/reference/shifts.md matches the catalogue."""

from pathlib import Path

import pytest

from medshift.benchmark.cli.tables import shifts
from medshift.benchmark.protocols.plan import LEVELS
from medshift.shifts import catalogue
from medshift.shifts.errors import MedshiftError
from medshift.shifts.families.sources import SOURCES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "shifts.md"
CONCEPT = PAGE.parents[1] / "concepts" / "shift.md"


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert shifts.markdown() in text, "run `medshift shifts table --into docs/reference/shifts.md`"


def test_the_levels_of_matched_severities_are_those_of_the_page():
    text = CONCEPT.read_text(encoding="utf-8").replace("\n", " ")
    assert f"{', '.join(f'{level:.2f}' for level in LEVELS[:-1])} and {LEVELS[-1]:.2f}" in text


def test_every_shift_has_a_source_and_a_row():
    assert set(SOURCES) == set(catalogue.BUILTINS)
    rows = [line for line in shifts.markdown().splitlines() if line.startswith("| `")]
    assert len(rows) == len(catalogue.BUILTINS)
    assert all(row.count(" | ") == 6 for row in rows)


def test_a_file_is_updated_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{shifts.BEGIN}\nold\n{shifts.END}\nafter\n")
    assert shifts.into(page)
    assert not shifts.into(page)
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")
    page.write_text("no marks")
    with pytest.raises(MedshiftError, match="must have the lines"):
        shifts.into(page)
