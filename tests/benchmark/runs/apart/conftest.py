"""What the tests of methods in a process of their own share: the data, and the folder that a user is in."""

from __future__ import annotations

import sys

import pytest
from helpers.apart.jobs import put_attacks
from helpers.images.image_folders import folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "secret-set")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that a user is in, with the module `attacks`."""
    where = tmp_path / "here"
    where.mkdir()
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(where)
    put_attacks(where)
    yield where
    sys.modules.pop("attacks", None)
