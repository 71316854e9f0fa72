"""Signs of life: lines where there is no terminal, and none where a bar shows the same."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from medshift.benchmark.cli import progress
from medshift.benchmark.reporting import heartbeat as module
from medshift.benchmark.reporting.heartbeat import heartbeat


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def quick(monkeypatch):
    """Lines come after hundredths of a second."""
    monkeypatch.setattr(module, "FIRST", 0.02)
    monkeypatch.setattr(progress, "heartbeat", lambda screen, describe: heartbeat(screen, describe, first=0.02))


def waited_for(found, what, seconds=20.0):
    """Whether a text turns up in a stream within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and what not in found():
        time.sleep(0.01)
    return what in found()


def test_a_file_gets_a_line_with_what_is_going_on_and_how_long_it_has_taken():
    stream = io.StringIO()
    state = "scoring [adabn]"
    with heartbeat(Console(file=stream, width=200), lambda: state, first=0.02):
        assert waited_for(stream.getvalue, "scoring [adabn] (0 s)\n")
        state = ""
        time.sleep(0.1)
        before = stream.getvalue()
        time.sleep(0.1)
        assert stream.getvalue() == before  # there is nothing to tell
    assert set(before.splitlines()) == {"scoring [adabn] (0 s)"}


def test_nothing_is_printed_on_a_terminal_nor_after_the_end():
    for stream in (Terminal(), io.StringIO()):
        with heartbeat(Console(file=stream), lambda: "working", first=0.05):
            time.sleep(0.2 if stream.isatty() else 0)
        time.sleep(0.1)
        assert stream.getvalue() == ""


def test_a_closed_stream_does_not_stop_the_work():
    stream = io.StringIO()
    console = Console(file=stream)
    with heartbeat(console, lambda: "working", first=0.02):
        stream.close()
        time.sleep(0.1)


def test_a_bar_is_lines_where_there_is_no_terminal(quick, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(progress, "make_console", lambda err: Console(file=stream, width=200))
    with progress.bar("making scans", "patients") as update:
        time.sleep(0.1)
        assert stream.getvalue() == ""
        update(3, 1200)
        assert waited_for(stream.getvalue, "making scans: 3 of 1,200 patients (0 s)")


def test_the_conditions_of_a_run_are_lines_where_there_is_no_terminal(quick, monkeypatch):
    class Condition:
        key = "gamma@3"

    stream = io.StringIO()
    monkeypatch.setattr(progress, "make_console", lambda err: Console(file=stream, width=200))
    for _ in progress.watch().track([Condition()], 25):
        assert waited_for(stream.getvalue, "predicting gamma@3, condition 1 of 25 (0 s)")
