"""Tables on a terminal: no word cut or broken; elsewhere, one line per row."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medshift.benchmark.reporting.terminal import fits, make_console, print_table

LONG = "a-very-long-name-of-a-shift-that-nobody-would-type+lr=0.001"
ROWS = [
    (LONG, "one two three four five six seven eight nine ten eleven twelve", "mr, fundus, dermoscopy"),
    ("St. Anna, Wien [old]", "a word", "ultrasound"),
]


def table(columns=("name", "what", "where")):
    made = Table(title="2 rows of a title that is longer than any line", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column)
    for row in ROWS:
        made.add_row(*map(escape, row))
    return made


def printed(width, made=None):
    screen = Console(width=width, file=io.StringIO())
    print_table(screen, made or table())
    return screen.file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 80, 100])
def test_no_word_is_cut_or_broken_at_any_width(width):
    text = printed(width)
    assert "…" not in text
    words = text.split()
    for cell in (cell for row in ROWS for cell in row):
        assert all(word in words for word in cell.split())


def test_a_table_is_as_wide_as_the_screen_where_its_words_allow():
    lines = printed(100).splitlines()[1:]
    assert max(map(len, lines)) == 100
    assert len(lines) < len(printed(80).splitlines())
    assert fits(Console(width=100), table())
    assert not fits(Console(width=70), table())


def test_columns_that_must_not_fold_keep_their_line():
    made = table()
    made.columns[1].no_wrap = True
    assert ROWS[0][1] in printed(80, made)


@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1", "TERM": "dumb"}], ids=str)
def test_a_pipe_gets_one_line_per_row_and_a_set_width_is_kept(monkeypatch, capsys, colours):
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in colours.items():
        monkeypatch.setenv(name, value)
    print_table(make_console(), table())
    assert len(capsys.readouterr().out.splitlines()) == 1 + 1 + len(ROWS)
    monkeypatch.setenv("COLUMNS", "80")
    print_table(make_console(), table())
    assert len(capsys.readouterr().out.splitlines()) > 1 + 1 + len(ROWS)


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", "\\xd6dem \\u2192 \\udcff\n\\xd6dem\n"),
        ("cp1252", "Ödem \\u2192 \\udcff\nÖdem\n"),  # a file to which Windows redirects
        ("utf-8", "Ödem → \\udcff\nÖdem\n"),  # a name of a file that is not UTF-8
    ],
)
def test_a_stream_takes_every_text_whatever_its_encoding(monkeypatch, encoding, written):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    monkeypatch.setattr(sys, "stdout", stream)
    make_console().print("Ödem → \udcff")
    print("Ödem")
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == written
