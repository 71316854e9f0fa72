"""Compilation and caching of loops, and their distribution over threads."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.shifts import apply_shift
from medshift.shifts.kernels import compiler, launch

numba = pytest.importorskip("numba")
if not compiler.usable(torch.zeros(1)):
    pytest.skip("compiled loops are switched off", allow_module_level=True)


def test_rounding_is_a_loop_s_own_whoever_is_compiled_first():
    @compiler.compiled
    def squares(a, b):
        return a * a + b * b

    @compiler.compiled_exact
    def first(x, out):
        for i in range(len(x)):
            out[i] = squares(x[i, 0], x[i, 1])

    x = np.random.default_rng(0).random((1000, 2), np.float32)
    out = np.empty(1000, np.float32)
    first(x, out)
    assert (out == x[:, 0] * x[:, 0] + x[:, 1] * x[:, 1]).all()


def test_a_full_disk_costs_no_shift(tmp_path):
    code = (
        "import resource, torch\nfrom medshift.shifts import apply_shift\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "print(apply_shift('exposure', torch.full((1, 1, 8, 8), 0.5), 1, ['a'], 0).shape)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "torch.Size([1, 1, 8, 8])", done.stderr


@pytest.mark.parametrize("changed", ["kernels/intrinsics.py", "pixels.py"])  # loops of other files may inline either
def test_code_is_kept_for_the_very_sources(tmp_path, monkeypatch, changed):
    here = tmp_path / "kernels"
    here.mkdir()
    for path in [*Path(compiler.__file__).parent.glob("*.py"), Path(compiler.__file__).parents[1] / "pixels.py"]:
        (tmp_path / path.relative_to(Path(compiler.__file__).parents[1])).write_bytes(path.read_bytes())
    monkeypatch.setattr(compiler, "__file__", str(here / "compiler.py"))
    compiler._folder.cache_clear()
    before = compiler._folder("")
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    compiler._folder.cache_clear()
    after = compiler._folder("")
    compiler._folder.cache_clear()
    assert Path(before).parent == Path(after).parent == here / "__pycache__"
    assert before != after


def test_what_fails_in_one_stretch_waits_for_the_others():
    begun, ended = [], []

    def task(first, last):
        begun.append(first)
        time.sleep(0.1 if first else 0.0)
        ended.append(first)
        if not first:
            raise ValueError("mine")

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="mine"):
            launch.run_threaded(task, 2, launch.WORTH_A_THREAD)
    finally:
        torch.set_num_threads(threads)
    assert sorted(begun) == sorted(ended) == [0, 1]


@pytest.mark.parametrize("without", ["sys.modules['numba'] = None", "os.environ['NUMBA_DISABLE_JIT'] = '1'"])
def test_without_numba_there_is_tensor_code(without):
    code = (
        f"import os, sys; {without}\n"
        "import torch\nfrom medshift.shifts import apply_shift\nfrom medshift.shifts.kernels import compiler\n"
        "images = torch.linspace(0, 1, 768).view(1, 3, 16, 16)\n"
        "print(compiler.usable(images), apply_shift('jpeg', images, 3, ['a'], 0).sum().item())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    images = torch.linspace(0, 1, 768).view(1, 3, 16, 16)
    assert printed == ["False", str(apply_shift("jpeg", images, 3, ["a"], 0).sum().item())]


def test_a_loop_is_compiled_where_nothing_can_be_written(monkeypatch):
    njit = numba.njit

    def nowhere(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", nowhere)

    @compiler.compiled
    def twice(x):
        return 2 * x

    assert twice(3) == 6


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@given(count=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_work_is_spread_over_threads_once_and_whole(threads, count):
    done = np.zeros(count, int)

    def task(first, last):
        done[first:last] += 1

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        launch.run_threaded(task, count, launch.WORTH_A_THREAD)
    finally:
        torch.set_num_threads(before)
    assert (done == 1).all()
