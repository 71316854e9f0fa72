"""Fixtures that several files share."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

# As the command line does, before torch is imported: waiting threads that spin make tests ten times slower on a busy
# machine.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")


@pytest.fixture(scope="session")
def fabricate():
    """The module tests/fabricate.py: makes protocols, truths and submissions without images or models."""
    name = "medshift_tests_fabricate"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("fabricate.py"))
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_tests(tmp_path_factory):
    """What tests make is kept away from the user's cache, and handed down to the processes that they start."""
    if "MEDSHIFT_HOME" not in os.environ:
        os.environ["MEDSHIFT_HOME"] = str(tmp_path_factory.mktemp("home"))
