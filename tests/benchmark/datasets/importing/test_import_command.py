"""Importing in a process of its own: what it prints, and what it leaves where it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from helpers import cli
from helpers.images.image_folders import folder
from helpers.importing import left

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


SLOW = """
import sys, time
import numpy as np
sys.path.insert(0, {tests!r})
from medshift.benchmark.datasets.importing.formats import reader
real = reader.each
def each(task, items, limits):
    for index, found in enumerate(real(task, items, limits)):
        if isinstance(task, reader._Pixels) and index == 100:
            print("reading", flush=True)
            time.sleep(60)
        yield found
reader.each = each
sys.argv = ["medshift", "data", "add", "set", {where!r}]
from medshift.benchmark.cli.main import main
main()
"""


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGKILL", -9)])
def test_an_interrupted_import_leaves_no_data_set(home, tmp_path, number, code):
    where = folder(tmp_path / "in")
    code_text = SLOW.format(tests=str(tmp_path), where=str(where))
    # a shell's background job ignores Ctrl-C, and its children would, too
    held = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + code_text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert held.stdout.readline().strip() == "reading"
    assert left(home) == [".set.part"]
    with pytest.raises(MedshiftError, match="being added by another process"):
        add("set", where, Options())
    add("other", where, Options())  # which leaves alone what another process is writing
    assert sorted(left(home)) == [".set.part", "other"]
    held.send_signal(getattr(signal, number))
    _, said = held.communicate(timeout=30)
    assert held.returncode == code, said
    assert "Traceback" not in said
    if number == "SIGKILL":
        assert sorted(left(home)) == [".set.part", "other"]
        assert store.names() == ["other"]
        add("third", where, Options())  # cleans up
        assert sorted(left(home)) == ["other", "third"]
    else:
        assert left(home) == ["other"]
    assert add("set", where, Options()).name == "set"


def test_the_command_line(home, tmp_path):
    where = folder(tmp_path / "in", domains={"a": 12, "b": 4})

    def medshift(*words):
        return cli.medshift("data", *words)

    done = medshift("add", "set", where, "--modality", "xray")
    assert done.returncode == 0, done.stderr
    assert "16 images of 32 x 32, 1 channel, uint8" in done.stdout
    assert "set" in medshift("list").stdout
    assert medshift("check", "set").stdout == "set: ok\n"
    again = medshift("add", "set", where)
    assert (again.returncode, again.stderr) == (
        1,
        "medshift: data set 'set' exists already: choose another name, or remove it (`medshift data remove set`)\n",
    )
    assert medshift("remove", "set").stdout == "set: removed\n"
    assert store.names() == []
