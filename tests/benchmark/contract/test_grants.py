"""Files with what a method may see: written once, of exactly its rows, and written again if damaged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark.contract import access, grants
from medshift.benchmark.datasets import manifest
from medshift.benchmark.files import disk, memory
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.plan import Choices
from medshift.shifts.errors import MedshiftError


@pytest.fixture(autouse=True)
def _in_files(monkeypatch, home):
    monkeypatch.setattr(grants, "IN_MEMORY", 0)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    dataset = manifest.read_manifest(folder(tmp_path_factory.mktemp("data") / "set"))
    return (dataset, *plan.plan(dataset, Choices(source="site-a", shifts=("gamma",), severities=(3,))))


def granted(planned, sees="source", said=None, **more):
    dataset, terms, table = planned
    given = (dataset, table, terms.source, terms.targets, sees, 0, torch.device("cpu"), "x")
    return access.grant(*given, (said if said is not None else []).append, **more)


def file_of(images) -> Path:
    return Path(images.pixels.filename)


def test_a_file_holds_the_granted_rows_and_nothing_else(planned):
    dataset, terms, table = planned
    rows = table.groupby(["domain", "split"])["row"].apply(list)
    found = granted(planned, "target-unlabelled", stored_order=True)
    parts = {("site-a", "train"): found.train, ("site-a", "val"): found.val}
    parts |= {(name, "adapt"): found.targets[name] for name in terms.targets}
    for split, images in parts.items():
        assert np.array_equal(np.load(file_of(images)), dataset.pixels[rows[split]])
        assert not images.pixels.flags.writeable
        assert images.pixels.base.size() == file_of(images).stat().st_size
        index = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        wanted = torch.from_numpy(dataset.pixels[np.array(rows[split])[index]]).float() / 255
        assert torch.equal(images.batch(index), wanted)
    assert len({file_of(images) for images in parts.values()}) == len(parts)


def test_files_are_written_once_for_all_methods_and_seeds(planned, home):
    said: list[str] = []
    first = granted(planned, said=said)
    times = {path: path.stat().st_mtime_ns for path in (home / "grants").iterdir()}
    assert len(times) == 2
    assert [line for line in said if "copying" in line] == [
        f"copying the images that the method may see to {home / 'grants'}, once: 66 kB"
    ]
    again = granted(planned, "target-unlabelled", said)
    assert file_of(again.train) == file_of(first.train)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert len(list((home / "grants").iterdir())) == 2 + len(again.targets)


def test_another_split_or_other_pixels_are_other_files(planned):
    dataset, _, table = planned
    rows = table.loc[table["split"] == "train", "row"].to_numpy()
    splits = [rows, rows[:-1], rows[::-1]]
    keys = {grants._key(content, at) for content in (dataset.digest(), "other") for at in splits}
    assert len(keys) == 6


@pytest.mark.parametrize("damage", ["cut short", "longer", "empty", "of another type", "not an array"])
def test_a_damaged_file_is_written_again(planned, damage):
    path = file_of(granted(planned).train)
    whole = path.read_bytes()
    if damage == "of another type":
        np.save(path, np.load(path).view(np.int8))
    else:
        path.write_bytes({"cut short": whole[:-1], "longer": whole + b"x", "empty": b""}.get(damage, b"x" * 999))
    assert np.array_equal(granted(planned).train.pixels, np.load(path))
    assert path.read_bytes() == whole


def test_what_a_killed_process_left_is_swept(planned, home):
    path = file_of(granted(planned).train)
    left = path.with_name(f".{path.name}.12345.part")
    path.rename(left)
    granted(planned)
    assert path.exists()
    assert not left.exists()


def test_without_room_on_disk_copies_are_held_in_memory_if_they_fit(planned, home, monkeypatch):
    monkeypatch.setattr(disk, "free_space", lambda folder: 40_000)
    found = granted(planned)
    assert not isinstance(found.train.pixels, np.memmap)
    assert not (home / "grants").exists()
    monkeypatch.setattr(grants, "available", lambda: 50_000)
    with pytest.raises(MedshiftError) as error:
        granted(planned)
    assert str(error.value) == (
        f"copies of the 64 images that the method may see need 66 kB on disk, 40 kB are free for {home / 'grants'}; in "
        "memory they need 66 kB, 50 kB are free: set MEDSHIFT_HOME to a folder on a larger disk, or store the data set "
        "with a lower --image-size"
    )


def test_a_cache_that_cannot_be_written_does_not_stop_a_run(planned, home):
    home.parent.mkdir(parents=True, exist_ok=True)
    home.write_text("a file, so that no folder can be made in it")
    assert len(granted(planned).train) == 50


def test_few_images_are_held_in_memory(planned, home, monkeypatch):
    monkeypatch.setattr(grants, "IN_MEMORY", 64 << 20)
    monkeypatch.setattr(memory, "available", lambda: pytest.fail("looked"))
    assert not isinstance(granted(planned).train.pixels, np.memmap)
    assert not os.path.lexists(home)
