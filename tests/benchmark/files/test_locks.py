"""Locks between processes."""

from __future__ import annotations

import errno
import subprocess
import sys

import filelock
import pytest

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


def test_a_lock_is_removed_whatever_happens(tmp_path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / ".lock", "busy"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [NotImplementedError("no flock"), OSError(errno.ENOLCK, "No locks available")])
def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch, error):
    def fails(lock, *words, **named):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", fails)
    with locked(tmp_path / ".lock", "busy"):
        (tmp_path / "file").write_text("written")
    assert (tmp_path / "file").exists()


def test_a_folder_that_cannot_be_written_is_not_taken_for_one_without_locks(tmp_path, monkeypatch):
    def fails(lock, *words, **named):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", fails)
    with pytest.raises(PermissionError), locked(tmp_path / ".lock", "busy"):
        pass
