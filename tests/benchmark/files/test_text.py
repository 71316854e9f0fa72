"""Text from outside is printable, or refused in words; and it is harmless wherever it is shown."""

from __future__ import annotations

import pytest

from medshift.benchmark.files.names import folder_name
from medshift.benchmark.files.text import csv_cell, fault, first_fault, for_terminal, twins, unportable, visible
from medshift.benchmark.submissions.fields import origin
from medshift.leaderboard.report.markdown import escape

RIGHT = [
    "site-a", "Universitätsklinikum Köln",
    "Hôpital Saint-Louis", "東京大学 病院", "मुंबई", "می‌خواهم", "بيروت", "Иванов",

    "TGFβ+ / IFNγ", "α-synuclein", "T₁ map, 1.5 T, 30 µm, ±2 %", "<b>", "=1+1", "naïve", "5–10 mm",
    "Å", "a\u00a0b", "Việt Nam",
]  # fmt: skip
WRONG = {
    "a\x1b[31m": "U+001B", "a\nb": "U+000A", "a\0": "U+0000", "a\u200bb": "U+200B", "a\u202eb": "U+202E",
    "\ufeffa": "U+FEFF",
    "so\u00adft": "U+00AD", "a\u2066b": "U+2066", "\ud800": "U+D800", "a\u2028b": "U+2028", "\u3164": "U+3164",
    "a\U000e0041": "U+E0041", "\ue000": "U+E000", "a\u200db": "U+200D", "a\u2003b": "U+2003", "a\ufe0f": "U+FE0F",
    "m\u0435dshift": "U+0435", "\u0391lpha": "U+0391", "a" + "\u0301" * 9: "marks",
}  # fmt: skip


@pytest.mark.parametrize("text", RIGHT)
def test_names_of_all_scripts_are_right(text):
    assert fault(text) == ""
    assert visible(text) == text


@pytest.mark.parametrize("text", WRONG)
def test_what_is_not_seen_or_passes_for_something_else_is_named(text):
    assert WRONG[text] in fault(text)
    assert fault(text).isprintable()
    assert text.encode("unicode_escape", "surrogatepass")
    assert all(char.isprintable() for char in visible(text) if char != "\u0301")


def test_a_text_that_is_too_long_is_refused_and_cut_where_it_is_shown():
    assert fault("x" * 401) == "has 401 characters, at most 400 are read"
    assert len(visible("x" * 1000, 80)) == 80
    assert first_fault(["a", "b"]) == ""
    assert "U+0007" in first_fault(["a", "b\x07"])


def test_a_log_reads_no_commands_and_a_terminal_no_controls(monkeypatch):
    evil = "refused\n::error::x\n  ##[group]y\x1b]0;PWN\x07"
    monkeypatch.delenv("CI", raising=False)
    assert for_terminal(evil) == "refused\n::error::x\n  ##[group]y\\x1b]0;PWN\\x07"
    monkeypatch.setenv("CI", "true")
    assert for_terminal(evil).splitlines() == ["refused", "\\::error::x", "  \\##[group]y\\x1b]0;PWN\\x07"]
    assert for_terminal("a ##[error]b") == "a \\##[error]b"


@pytest.mark.parametrize("cell", ["=1+1", "+A1", "-A1", "@SUM(1)", "\t=1", " =1", "-2+3+cmd|' /C calc'!A0"])
def test_a_spreadsheet_runs_no_cell(cell):
    assert csv_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-.5", "1e-5", "-1E+3", "site-a", "a=b", "", "-"][:8])
def test_numbers_and_names_stay_cells_as_they_are(cell):
    assert csv_cell(cell) == cell


def test_markdown_shows_text_and_makes_no_link_or_mention_of_it():
    assert escape("@user") == "@<!-- -->user"
    assert escape("https://evil.example/x") == "https:<!-- -->//evil.example/x"
    assert escape("WWW.evil.example") == "WWW<!-- -->.evil.example"
    assert escape("a <b> [c](d) `e`\n") == "a \\<b\\> \\[c\\](d) \\`e\\`"
    assert escape("site: a, 1:2, e@") == "site: a, 1:2, e@"


DEVICES = ["con", "CON", "nul.txt", "com1", "LPT9.x"]


@pytest.mark.parametrize("name", [*DEVICES, "a.", "a ", "a:b", "a/b", "e\u0301", "x" * 256])
def test_names_that_some_file_system_cannot_hold_are_refused(name):
    assert unportable(name)


@pytest.mark.parametrize("name", ["tent", "console", "com10", "a.b", "scratch+lr=0.1", "é", ".hidden"])
def test_names_that_all_file_systems_hold_are_right(name):
    assert unportable(name) == ""


def test_a_folder_of_a_device_gets_another_name():
    assert folder_name("site-a") == "site-a"
    assert folder_name("CON").startswith("CON-")


def test_names_that_look_alike_are_found():
    assert twins(["a", "b"]) is None
    assert twins(["Tent", "tent"]) == ("Tent", "tent")
    assert twins(["Site", "site"], fold=False) is None
    assert twins(["caffe\u0301", "caffé"]) == ("caffe\u0301", "caffé")
    assert twins(["сасао", "cacao"], fold=False) == ("сасао", "cacao")


@pytest.mark.parametrize(
    "text", ["medshift 0.1.0", "acme-shifts 2.0.1rc1", "external", "brought", f"module a.b, sha256 {'0' * 64}"]
)
def test_where_a_method_is_from_has_one_of_four_forms(text):
    assert origin(text) == text


@pytest.mark.parametrize(
    "text",
    ["Medshift 0.1.0", "medshift\u200b 0.1.0", "\ufeffmedshift 0.1.0", "m\u0435dshift 0.1.0", "med\u00adshift 0.1.0",
     "medshift: 0.1.0", "medshift- 0.1.0", "medshift_ 1", "External", "EXTERNAL 1.0", "", "medshift", "medshift  0.1.0",
     "Brought 1", "x 1; run again by the maintainers"],
)  # fmt: skip
def test_what_only_looks_like_medshift_is_refused(text):
    with pytest.raises(ValueError, match=r"must be|would be taken"):
        origin(text)
