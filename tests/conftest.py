"""Fixtures that several files share."""

from __future__ import annotations

import os

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


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_tests(tmp_path_factory):
    """What tests make is kept away from the user's cache, and handed down to the processes that they start."""
    if "MEDSHIFT_HOME" not in os.environ:
        os.environ["MEDSHIFT_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home of one test's own."""
    where = tmp_path / "home"
    monkeypatch.setenv("MEDSHIFT_HOME", str(where))
    return where
