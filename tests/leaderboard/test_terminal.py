"""The table of a board on the terminal."""

from __future__ import annotations

from medshift.leaderboard import build
from medshift.leaderboard.build import build_leaderboard


def test_the_terminal_breaks_names_of_entries_only_where_they_are_joined(fabricate, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=6))
    name = "a-method-with-a-long-name+arch=resnet50,lr0.001"
    fabricate.submission(place, made, rows, name)
    for columns in ("80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        build_leaderboard(tmp_path / "in", tmp_path / "site")
        said = capsys.readouterr().out
        assert (f"1 {name} " in said) == (columns == "200")
        assert columns == "200" or {"a-method-with-a-long-name+", "arch=resnet50,", "lr0.001"} <= set(said.split())


def test_the_terminal_shows_the_first_of_many_and_counts_the_others(fabricate, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(build, "PRINTED", 2)
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=6))
    for seed in range(5):  # of equal skill, so that all but the first two are beyond the limit, whichever those are
        fabricate.submission(place, made, rows, f"method-{seed}", seed=seed)
    build_leaderboard(tmp_path / "in", tmp_path / "site")
    said = capsys.readouterr().out
    table, _ = said.split("- Do ", 1)
    assert sum(f"method-{seed} " in table for seed in range(5)) == 2
    assert "3 more, on the page" in table
    page = (tmp_path / "site" / "board-made-up.html").read_text()
    assert all(f"method-{seed}" in page for seed in range(5))
