"""docs/reference/baselines.md and `medshift list baselines` show the baselines as they are."""

import dataclasses
from pathlib import Path

from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.cli.tables import baselines as baseline_table
from medshift.benchmark.contract import registry

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "baselines.md"


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert baseline_table.markdown() in text, "run `medshift list baselines --into docs/reference/baselines.md`"


def test_every_baseline_has_one_row_under_what_it_sees():
    text = baseline_table.markdown()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert all(row.count(" | ") == 4 for row in rows)
    assert sorted(row.split("`")[1] for row in rows) == sorted(registry.BUILTINS)
    for part in text.split("### Sees ")[1:]:
        sees = part.split("`")[1]
        assert {
            registry.load_baseline(row.split("`")[1]).sees for row in part.splitlines() if row.startswith("| `")
        } == {sees}


def test_every_hyper_parameter_and_draw_is_on_the_page():
    text = baseline_table.markdown()
    for name in registry.BUILTINS:
        kind = registry.load_baseline(name)
        for field in dataclasses.fields(kind):
            assert f"`{field.name}={field.default}`" in text
        for key, draw in registry.search(kind).items():
            assert f"`{key}` ({draw})" in text
            draw.at(0.0), draw.at(0.999)


def test_a_file_is_updated_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{baseline_table.BEGIN}\nold\n{baseline_table.END}\nafter\n")
    said = [CliRunner().invoke(app, ["list", "baselines", "--into", str(page)]).output for _ in range(2)]
    assert ["written" in said[0], "up to date" in said[1]] == [True, True]
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")


def test_the_list_reads_at_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(app, ["list", "baselines"]).output.splitlines()
    assert lines[0] == f"{len(registry.TABLE.names())} baselines"
    assert max(map(len, lines)) <= 80
    assert "coral  (sees: target-unlabelled)" in lines
    one = CliRunner().invoke(app, ["list", "baselines", "coral"]).output.splitlines()
    assert max(map(len, one)) <= 80
    assert any(line.strip().startswith("--set budget=standard, steps=0") for line in one)
    assert any(line.strip().startswith("--tune draws lr (0.0001 to 0.003") for line in one)
