"""What the tests of the check of a pull request share."""

from __future__ import annotations

import pytest
from helpers.checkouts import committed


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


@pytest.fixture
def checkout(fabricate, tmp_path):
    return committed(fabricate, tmp_path)
