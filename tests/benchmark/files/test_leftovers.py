"""What killed processes leave behind is swept by the next one, and never what a living one writes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from medshift.benchmark.files import atomic
from medshift.benchmark.files.atomic import is_left_over, replace, scratch_folder, sweep, write_text

HERE = atomic._writer("0" * 8).partition("-")[0]


@pytest.fixture(scope="module")
def processes():
    """Numbers of processes: one that has ended, this one, and a living one."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return {"gone": gone.pid, "own": os.getpid(), "other": os.getppid()}


@pytest.mark.parametrize(
    ("name", "left"),
    [
        (".card.json.HERE-{gone}-00000000.part", True),
        (".card.json.{gone}.part", True),
        (".predictions.parquet.HERE-{own}-00000000.part", True),  # an earlier process of this number
        (".card.json.HERE-{other}-00000000.part", False),
        (".card.json.ffffffff-{gone}-00000000.part", False),  # on another machine, which cannot be asked
        ("card.json", False),
        (".hidden.part", False),
        ("card.json.{gone}.part", False),
    ],
)
def test_only_what_nobody_writes_any_more_is_left_over(tmp_path, processes, name, left):
    path = tmp_path / name.replace("HERE", HERE).format(**processes)
    path.write_text("x")
    assert is_left_over(path) is left
    sweep(tmp_path)
    assert path.exists() is not left


def test_what_another_machine_left_a_day_ago_is_swept(tmp_path):
    path = tmp_path / ".card.json.ffffffff-1-00000000.part"
    path.write_text("x")
    os.utime(path, (time.time() - 2 * atomic.OLD,) * 2)
    sweep(tmp_path)
    assert not path.exists()


def test_a_file_that_is_being_written_is_not_swept(tmp_path):
    with replace(tmp_path / "card.json") as temporary:
        temporary.write_text("x")
        sweep(tmp_path)
        assert temporary.exists()
    assert (tmp_path / "card.json").read_text() == "x"


def test_two_writers_of_one_process_number_do_not_take_each_others_file(tmp_path):
    names = []

    def write(text):
        with replace(tmp_path / "file") as temporary:
            names.append(temporary.name)
            temporary.write_text(text)
            time.sleep(0.05)

    both = [threading.Thread(target=write, args=(text,)) for text in "ab"]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(set(names)) == 2
    assert (tmp_path / "file").read_text() in "ab"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_name_that_is_nearly_too_long_is_written(tmp_path):
    write_text(tmp_path / ("n" * 240), "x")
    assert (tmp_path / ("n" * 240)).read_text() == "x"


@pytest.mark.parametrize("whose", ["ffffffff-{gone}", "HERE-{other}"])  # as on Windows, where nobody can be asked
def test_folders_of_whom_nobody_can_ask_are_swept_when_nothing_in_them_has_changed_for_long(
    tmp_path, monkeypatch, processes, whose
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    who = whose.replace("HERE", HERE).format(**processes)
    left, used = (tmp_path / f"medshift-{word}.{who}-00000000.part" for word in ("left", "used"))
    long_ago = (time.time() - 2 * atomic.UNUSED,) * 2
    for each in (left, used):
        each.mkdir()
        (each / "file").write_text("x")
        os.utime(each / "file", long_ago)
        os.utime(each, long_ago)
    os.utime(used / "file")  # a run that lasts
    with scratch_folder("score"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [used.name]


def test_folders_of_killed_processes_are_swept_by_the_next(tmp_path, monkeypatch, processes):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, alive = (
        tmp_path / f"medshift-score.{HERE}-{number}-00000000.part" for number in (processes["gone"], processes["other"])
    )
    for each in (left, alive):
        each.mkdir()
        (each / "file").write_text("x")
    with scratch_folder("score") as made, scratch_folder("score") as other:
        assert made != other
        assert made.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [alive.name]
