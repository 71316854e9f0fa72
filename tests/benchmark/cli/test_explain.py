"""Errors of the machine end in one line; a fault of the program keeps its traceback."""

from __future__ import annotations

import concurrent.futures.process
import errno
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from helpers.files.full_disk import full_disk

from medshift.benchmark.cli.explain import QUIET, expand_home, explain


def _os(code, *more):
    return OSError(code, os.strerror(code), *more)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (_os(errno.ENOSPC, "a/b"), "a/b cannot be written: No space left on device"),
        (_os(errno.EROFS, "a"), "a cannot be written: Read-only file system"),
        (_os(errno.EDQUOT, b"a"), "a cannot be written: Disk quota exceeded"),
        (_os(errno.EACCES, "a"), "a cannot be written or read: Permission denied"),
        (_os(errno.EACCES, "a.part", None, "a"), "a cannot be written or read: Permission denied"),
        (_os(errno.ENOSPC), "a file cannot be written or read: No space left on device"),
        (OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"), "No space left on device"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"), "is the disk full?"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), "is the disk full?"),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
            "make room, or set TMPDIR",
        ),
        (OSError("Matplotlib requires access to a writable cache directory, but"), "make room, or set TMPDIR"),
        (MemoryError(), "out of memory: lower the image size or the number of images"),
        (MemoryError("Unable to allocate 1.76 GiB for an array with shape (600, 3)"), "(asked for 1.76 GiB)"),
        (_os(errno.ENOMEM), "out of memory: lower"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to "
                         "allocate 4000000000000 bytes. Error code 12"),
            "(asked for 4000000000000 bytes): give --set accumulate=2 or more, lower --set batch_size or --set "
            "input_size, or lower the image size or the number of images",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            "give --set accumulate=2 or more, lower --set batch_size or --set input_size",
        ),
        (RuntimeError("CUDA error: out of memory"), "lower --set batch_size"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), "lower --set batch_size"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "lower --set batch_size"),
        (concurrent.futures.process.BrokenProcessPool("terminated abruptly"), "a worker process was killed"),
        (UnicodeEncodeError("ascii", "Ödem", 0, 1, "ordinal not in range(128)"), "'Ö': set PYTHONIOENCODING=utf-8"),
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:40]}" if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_an_error_of_the_machine_is_one_line_with_a_way_on(error, line):
    assert line in explain(error)
    assert "\n" not in explain(error)


def test_a_reader_that_has_gone_is_not_complained_of():
    assert explain(BrokenPipeError(errno.EPIPE, "Broken pipe")) == QUIET


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        FileNotFoundError(2, "No such file", "parts/x"),
        ConnectionError("refused"),
        OSError("anything"),
        KeyError("memory"),
    ],
    ids=repr,
)
def test_a_fault_of_the_program_keeps_its_traceback(error):
    assert explain(error) is None


def _numpy(path):
    np.empty((1 << 48,), dtype=np.uint8)


def _torch_memory(path):
    torch.empty(1 << 46)


def _torch_file(path):
    torch.save(torch.zeros(5000), path)


def _parquet(path):
    pyarrow.parquet.write_table(pa.table({"a": np.arange(100_000)}), path)


@pytest.mark.parametrize("act", [_numpy, _torch_memory, _torch_file, _parquet])
def test_what_libraries_raise_today_is_known(tmp_path, act):
    with full_disk(), pytest.raises((MemoryError, OSError, RuntimeError)) as error:
        act(tmp_path / "x")
    assert explain(error.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("~/x", "/home/me/x"),
        ("--data=~/x", "/home/me/x"),
        ("~", "/home/me"),
        ("--set", None),
        ("--set=a=~/x", None),
        ("--targets=~x", None),
        ("~x", None),
        ("a~/x", None),
        ("key=~/x", None),
    ],
)
def test_a_home_that_the_shell_left_is_expanded(monkeypatch, given, expected):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    option, _, _ = given.partition("=")
    wanted = given if expected is None else f"{option}={expected}" if "=" in given else expected
    assert expand_home([given]) == [wanted]
