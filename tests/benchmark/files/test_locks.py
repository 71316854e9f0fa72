"""Locks between processes."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import subprocess
import sys
import threading

import pytest

from medshift.benchmark.files import locks
from medshift.benchmark.files.locks import locked
from medshift.shifts.errors import MedshiftError

HOLDS = """
import sys, time
from pathlib import Path
from medshift.benchmark.files.locks import locked
with locked(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_for_one_process_and_that_of_a_killed_one_is_free(tmp_path):
    path = tmp_path / ".lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline().strip() == "held"
        with pytest.raises(MedshiftError, match="wait for it"), locked(path, "wait for it"):
            pass
        assert path.exists()  # the other's
    finally:
        holder.kill()
        holder.wait()
    with locked(path, "wait for it"):
        assert path.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_waited_for_and_taken_over_from_a_killed_process(tmp_path):
    path, said = tmp_path / ".lock", []
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline().strip() == "held"

    def wait(who):
        said.append(who)
        holder.kill()
        holder.wait()

    with locked(path, "busy", wait):
        assert said == [f"process {holder.pid} on {platform.node()}"]
        assert path.read_text() == f"process {os.getpid()} on {platform.node()}"
        with pytest.raises(MedshiftError, match="busy"), locked(path, "busy", wait):  # which would wait for itself
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_thread_waits_for_another_and_an_interruption_says_for_whom(tmp_path, monkeypatch):
    path, order = tmp_path / ".lock", []
    taken, waiting = threading.Event(), threading.Event()

    def other():
        with locked(path, "busy"):
            taken.set()
            waiting.wait(10)
            order.append("first")

    thread = threading.Thread(target=other)
    thread.start()
    assert taken.wait(10)
    with locked(path, "busy", lambda who: waiting.set()):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]

    def stopped(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(locks.time, "sleep", stopped)
    with locked(path, "busy"):
        monkeypatch.setattr(locks.threading, "get_ident", lambda: 0)  # as if another thread asked
        with pytest.raises(KeyboardInterrupt) as stop, locked(path, "busy", lambda who: None):
            pass
    assert stop.value.__notes__ == [f"it was waiting for process {os.getpid()} on {platform.node()}"]


def test_a_lock_is_removed_whatever_happens(tmp_path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / ".lock", "busy"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def without_locks(monkeypatch, number):
    def fails(opened, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fails)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch, number):
    without_locks(monkeypatch, number)
    with locked(tmp_path / ".lock", "busy") as held:
        (tmp_path / "file").write_text("written")
    assert not held
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_lock_that_cannot_be_written_is_not_taken_for_one(tmp_path, monkeypatch):
    without_locks(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)), locked(tmp_path / ".lock", "busy"):
        pass
    with pytest.raises(FileNotFoundError), locked(tmp_path / "absent" / ".lock", "busy"):
        pass


def test_a_lock_that_its_holder_removes_meanwhile_is_taken_again(tmp_path, monkeypatch):
    path, real, seen = tmp_path / ".lock", fcntl.flock, []

    def removed_first(opened, how):
        if not seen:
            path.unlink()
        seen.append(opened)
        real(opened, how)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with locked(path, "busy") as held:
        assert held
        assert len(seen) == 2
        with pytest.raises(MedshiftError, match="busy"), locked(path, "busy"):
            pass
