"""Fixtures that several files share."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# As the command line does, before torch is imported: waiting threads that spin make tests ten times slower on a busy
# machine.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # side by side: each its share of the cores
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))


@pytest.fixture(scope="session")
def fabricate():
    """The module tests/fabricate.py: makes protocols, truths and submissions without images or models."""
    from helpers import factories as fabricate

    return fabricate


@pytest.fixture
def any_weights(monkeypatch):
    """Random weights stand in for those of ImageNet, so that any network has some."""
    name = "medshift.baselines.networks.network.imagenet_weights"
    monkeypatch.setattr(name, lambda arch, body, sizing=None: body.state_dict())


@pytest.fixture(scope="module")
def browser():
    """A browser of the system, for the pages of a file."""
    from helpers.browser import started

    with started() as found:
        yield found


@pytest.fixture(scope="session")
def instruction_sets():
    """What to set for a process that is to use fewer instructions of an x86-64 processor than it has.

    "least" is x86-64-v2: none of AVX, AVX2, FMA and AVX-512 in NumPy, torch, Numba, BLAS and the C library.
    """
    return {
        "all": {},
        "avx2": {
            "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
            "ATEN_CPU_CAPABILITY": "avx2",
            "OPENBLAS_CORETYPE": "Haswell",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
            "NUMBA_CPU_NAME": "haswell",
        },
        "least": {
            "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
            "ATEN_CPU_CAPABILITY": "default",
            "OPENBLAS_CORETYPE": "Nehalem",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "MKL_CBWR": "COMPATIBLE",
            "NUMBA_CPU_NAME": "nehalem",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F",
        },
    }


@pytest.fixture(scope="module")
def one_thread():
    """Use one thread: tiny tensors are slower on two, and two cores are not always free."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def cache_of_the_file(tmp_path_factory):
    """An empty cache of scores, for all tests of a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def busy_cores():
    """Keeps every core busy while a test runs."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    yield
    for process in spinning:
        process.kill()
        process.wait()


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_tests(tmp_path_factory):
    """What tests make is kept away from the user's cache, and handed down to the processes that they start.

    Methods run in the process of the run, which starts sooner; `runs/apart` is about those that do not.
    """
    os.environ.setdefault("MEDSHIFT_IN_PROCESS", "1")
    if "MEDSHIFT_HOME" not in os.environ:
        os.environ["MEDSHIFT_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session", autouse=True)
def _entries_are_scored_in_this_process():
    """Boards of tests are small: processes that score four entries side by side cost ten times what they save.

    `ranking/test_ranking` has one with processes.
    """
    from medshift.leaderboard.entries import workers

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "WORTH_PROCESSES", 10**6)
        yield


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home of one test's own."""
    where = tmp_path / "home"
    monkeypatch.setenv("MEDSHIFT_HOME", str(where))
    return where
