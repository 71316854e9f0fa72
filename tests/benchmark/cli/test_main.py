"""What every command does before it starts, and how it ends where the machine fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cli import MEDSHIFT

from medshift.benchmark.cli import main


@pytest.mark.parametrize("words", [["run", "--help"], ["list", "shifts"], ["list", "baselines"]], ids=" ".join)
def test_every_text_is_shown_on_a_terminal_that_takes_ascii_only(words, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = subprocess.run([*MEDSHIFT, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_home_that_the_shell_left_is_expanded_for_every_command(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["medshift", "list", "baselines", "--into=~/gone.md"])
    with pytest.raises(SystemExit):
        main.main()
    assert capsys.readouterr().err == f"medshift: {tmp_path / 'gone.md'} cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("Unable to allocate 1.76 GiB for an array"), "medshift: out of memory (asked for 1.76 GiB)"),
        (OSError(28, "No space left on device", "x"), "medshift: x cannot be written: No space left on device\n"),
        (BrokenPipeError(32, "Broken pipe"), ""),
    ],
    ids=repr,
)
def test_an_error_of_the_machine_ends_in_one_line_and_status_1(monkeypatch, capfd, error, said):
    def fail(args):
        raise error

    monkeypatch.setattr(main, "app", fail)
    monkeypatch.setattr("os.dup2", lambda *_: None)  # standard output is pytest's
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 1
    assert capfd.readouterr().err.startswith(said)


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    def fail(args):
        raise ZeroDivisionError

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(ZeroDivisionError):
        main.main()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", [["--version"], ["list", "shifts", "--json"], ["list", "shifts"]], ids=" ".join)
def test_output_to_a_full_disk_is_one_line(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*MEDSHIFT, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "medshift: a file cannot be written or read: No space left on device\n"
