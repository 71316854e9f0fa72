"""A file that cannot be written: one line with its path, nothing torn, and the same call writes it later."""

from __future__ import annotations

import errno
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.files.full_disk import full_disk
from PIL import Image

from medshift.baselines.common.training import save_weights
from medshift.benchmark.contract.training_record import TrainingRecord
from medshift.benchmark.files import atomic
from medshift.benchmark.protocols import truth
from medshift.benchmark.submissions import predictions
from medshift.shifts.errors import MedshiftError

MANY = 50_000  # bytes or more, of which 4,096 fit
NOISE = np.random.default_rng(0).integers(0, 255, (256, 256), dtype=np.uint8)


def saved(path):
    with atomic.replace(path) as temporary, temporary.open("wb") as file:
        np.save(file, NOISE)


def drawn(path):
    with atomic.replace(path) as temporary:
        Image.fromarray(NOISE).save(temporary, format="PNG")


def tabled(path):
    names = [NOISE[row].tobytes().hex() for row in range(256)]
    truth.write(pd.DataFrame({"sample_id": names, "label": 0, "domain": "a", "group": names, "split": "test"}), path)


def predicted(path):
    draws = np.random.default_rng(0).random((MANY, 2), dtype=np.float32)
    predictions.write({"a": ([f"{number}" for number in range(MANY)], draws)}, path)


WRITERS = {
    "text": lambda path: atomic.write_text(path, "x" * MANY),
    "lines": lambda path: atomic.write_lines(path, ["x" * 1000] * 50),
    "an array": saved,
    "a picture": drawn,
    "a table": tabled,
    "predictions": predicted,
    "weights": lambda path: save_weights(torch.nn.Linear(100, 200), path, TrainingRecord(1, ((1, 0.5),))),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_does_not_fit_is_named_and_written_once_there_is_space(tmp_path, kind):
    path = tmp_path / "new" / "file"
    with full_disk(4096), pytest.raises(MedshiftError) as error:
        WRITERS[kind](path)
    assert str(error.value).startswith(f"{path} cannot be written: ")
    assert len(str(error.value).splitlines()) == 1
    assert list(path.parent.iterdir()) == []
    WRITERS[kind](path)
    assert [left.name for left in path.parent.iterdir()] == ["file"]


def test_a_full_disk_is_called_so_where_numpy_only_counts_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 0}))
    with full_disk(4096), pytest.raises(MedshiftError, match=f"cannot be written: {os.strerror(errno.ENOSPC)}"):
        saved(tmp_path / "file")


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(MedshiftError, match=r"taken.file cannot be written: "):
        atomic.write_text(tmp_path / "taken" / "file", "x")


def test_an_error_of_another_file_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="other"), atomic.replace(tmp_path / "file") as temporary:
        shutil.copyfile(tmp_path / "other", temporary)
    with pytest.raises(OSError, match="cannot identify"), atomic.replace(tmp_path / "file"):
        raise OSError("cannot identify image file")
