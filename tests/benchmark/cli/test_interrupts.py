"""What stops a command ends it in one line and with the status that shells expect."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from medshift.benchmark.cli import interrupts
from medshift.benchmark.cli.main import main

NUMBERS = [getattr(signal, name) for name in interrupts.NAMES if hasattr(signal, name)]
# a shell's background job ignores Ctrl-C, one of `nohup` a hang-up, and their children would, too
DEFAULT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""
WAITS = """
from medshift.benchmark.cli import interrupts
with interrupts.handled(), interrupts.noting("3 of 5 are saved"):
    os.kill(os.getpid(), int(sys.argv[1]))
    signal.pause()
"""
STARTS = """
number, module = sys.argv[1:]
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), int(number))
sys.meta_path.insert(0, Hook())
from medshift.benchmark.cli.__main__ import main
sys.argv = ["medshift", "list", "shifts"]
main()
"""


def ended(code, *words):
    return subprocess.run(
        [sys.executable, "-c", DEFAULT + code, *map(str, words)], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_every_signal_that_stops_a_process_says_what_is_kept(number):
    done = ended(WAITS, int(number))
    by = "" if number == signal.SIGINT else f" by {number.name}"
    assert (done.returncode, done.stderr) == (128 + number, f"medshift: stopped{by}: 3 of 5 are saved\n")


@pytest.mark.parametrize("module", ["medshift.benchmark.cli.main", "typer", "medshift.shifts.catalogue"])
def test_a_command_that_is_stopped_while_it_is_imported_says_so(module):
    done = ended(STARTS, int(signal.SIGINT), module)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "medshift: stopped\n")


def test_the_process_of_a_method_leaves_it_to_the_run_to_say_that_it_was_stopped():
    of_method = STARTS.replace("cli.__main__", "cli.processes.method")
    done = ended(of_method, int(signal.SIGTERM), "medshift.benchmark.contract.apart.served")
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")


@pytest.mark.parametrize("step", ["make_context", "invoke"])
def test_a_command_that_is_stopped_says_so_before_typer_does(step, monkeypatch, capsys):
    def stopped(*words, **named):
        raise interrupts.Stopped(signal.SIGTERM)

    monkeypatch.setattr(f"typer.core.TyperGroup.{step}", stopped)
    monkeypatch.setattr(sys, "argv", ["medshift", "list", "shifts"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 143
    assert capsys.readouterr().err == "medshift: stopped by SIGTERM\n"


def test_a_signal_that_is_ignored_stays_so():  # as `nohup` and a shell's background jobs ask
    code = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + WAITS.replace("signal.pause()", "print('went on')")
    done = ended(code, int(signal.SIGHUP))
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in NUMBERS]
    with interrupts.handled():
        assert signal.getsignal(signal.SIGTERM) != before[NUMBERS.index(signal.SIGTERM)]
    assert [signal.getsignal(number) for number in NUMBERS] == before
