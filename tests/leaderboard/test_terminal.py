"""The table of a board on the terminal."""

from __future__ import annotations

from medshift.leaderboard.build import build_leaderboard


def test_the_terminal_breaks_names_of_entries_only_where_they_are_joined(fabricate, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, made, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=6))
    name = "a-method-with-a-long-name+arch=resnet50,lr=0.001"
    fabricate.submission(place, made, rows, name)
    for columns in ("80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        build_leaderboard(tmp_path / "in", tmp_path / "site")
        said = capsys.readouterr().out
        assert (f"1 {name} " in said) == (columns == "200")
        assert columns == "200" or {"a-method-with-a-long-name+", "arch=resnet50,", "lr=0.001"} <= set(said.split())
