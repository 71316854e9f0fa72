"""A full disk or an unwritable folder while a data set is written: one clear error, nothing incomplete."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.files.full_disk import full_disk
from helpers.images.image_folders import folder

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.importing.pack import Content, pack
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def packed():
    """Pack four small images."""
    table = pd.DataFrame({"sample_id": list("abcd"), "label": [0, 1] * 2, "domain": "x", "group": list("abcd")})
    found = np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2)
    return pack("set", Content(table, (1, 2, 2), "uint8", ("no", "yes")), [found])


def left(home):
    """Return the names in the store, without locks."""
    return [path.name for path in (home / "data").iterdir() if not path.name.endswith(".lock")]


@pytest.mark.parametrize(
    ("owner", "name", "when"),
    [
        (Path, "mkdir", lambda path: path.name == ".set.part"),
        (Path, "open", lambda path: path.name == store.PIXELS),
        (os, "fsync", lambda number: True),
        (pd.DataFrame, "to_parquet", lambda table: True),
        (Path, "write_text", lambda path: path.name == store.FACTS),
        (Path, "rename", lambda path: path.name == ".set.part"),
    ],
)
def test_whatever_step_finds_the_disk_full(home, monkeypatch, owner, name, when):
    real = getattr(owner, name)

    def fails(path, *words, **named):
        if when(path):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, *words, **named)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fails)
        with pytest.raises(MedshiftError, match=r"\.set\.part cannot be written: No space left on device") as error:
            packed()
    assert len(str(error.value).splitlines()) == 1
    assert left(home) == []
    assert packed().name == "set"  # no lock is held, nothing is in the way


def test_files_that_become_too_large(home, tmp_path):
    where = folder(tmp_path / "in", domains={"a": 12})
    with full_disk(4096), pytest.raises(MedshiftError, match=r"\.set\.part cannot be written: File too large"):
        add("set", where, Options())
    assert left(home) == []
